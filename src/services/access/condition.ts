import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { celEnv, parse, plan, type CelInput } from '@bufbuild/cel';

/** What a condition may look at. */
export interface ConditionFacts {
  readonly principal: string;
  /** All groups that the principal is in. */
  readonly groups: ReadonlySet<string>;
  readonly permission: string;
  readonly resource: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Holds, does not hold, or cannot be evaluated, which counts as not. */
export type ConditionVerdict = 'true' | 'false' | 'error';

export type CompiledCondition = (facts: ConditionFacts) => ConditionVerdict;

/** A condition that cannot be used. The message says what is wrong with it. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

type Expr = ReturnType<typeof parse>['expr'];

const ENVIRONMENT = celEnv();

const VARIABLES: ReadonlySet<string> = new Set(['caller', 'resource', 'permission', 'request']);

/** Functions whose cost depends on more than the length of what they are given. */
const BANNED_FUNCTIONS: ReadonlySet<string> = new Set(['matches']);

/**
 * Compiles a condition in the Common Expression Language. Throws ConditionError. Without macros and regular expressions
 * nothing repeats, so that a condition costs no more than its length.
 */
export function compileCondition(expression: string): CompiledCondition {
  const parsed = parseCondition(expression);
  assertUsable(parsed.expr);
  const evaluate = plan(ENVIRONMENT, parsed);
  return (facts) => {
    const result = evaluate(toVariables(facts));
    return typeof result === 'boolean' ? `${result}` : 'error';
  };
}

function parseCondition(expression: string): ReturnType<typeof parse> {
  try {
    return parse(expression);
  } catch (err) {
    throw new ConditionError(`is not in the Common Expression Language: ${err instanceof Error ? err.message : ''}`);
  }
}

function toVariables({ principal, groups, permission, resource, nowMs }: ConditionFacts): Record<string, CelInput> {
  return {
    caller: { name: principal, groups: [...groups].sort() },
    resource: { name: resource },
    permission,
    request: { time: timestampFromMs(nowMs) },
  };
}

function assertUsable(expr: Expr | undefined): void {
  if (expr === undefined) return;
  const { exprKind: node } = expr;
  switch (node.case) {
    case 'identExpr':
      if (VARIABLES.has(node.value.name)) return;
      throw new ConditionError(`names "${node.value.name}", expected one of: ${[...VARIABLES].join(', ')}`);
    case 'comprehensionExpr':
      throw new ConditionError('has a macro (all, exists, exists_one, map, filter), which conditions may not');
    case 'structExpr':
      throw new ConditionError('makes a map or a message, which conditions may not');
    case 'callExpr':
      if (BANNED_FUNCTIONS.has(node.value.function))
        throw new ConditionError(`calls "${node.value.function}", which conditions may not`);
      assertUsable(node.value.target);
      for (const argument of node.value.args) assertUsable(argument);
      return;
    case 'selectExpr':
      return assertUsable(node.value.operand);
    case 'listExpr':
      for (const element of node.value.elements) assertUsable(element);
      return;
    case 'constExpr':
    case undefined:
      return;
  }
}
