/** A setting as it is in effect, to be shown: what is secret in it is masked. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: string;
  /** False where the environment says otherwise. */
  readonly isDefault: boolean;
}

/** Reads settings one by one, and keeps what is wrong with them and what is in effect. */
export interface SettingsReader {
  readonly mistakes: string[];
  readonly effective: EffectiveSetting[];
  readonly read: <T>(name: string, fallback: string, parse: (value: string) => T) => T;
  /** Like read(), for what may be absent and must not be shown. */
  readonly readSecret: (
    name: string,
    parse: (value: string) => string,
    mask?: (value: string) => string,
  ) => string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function createSettingsReader(env: Environment): SettingsReader {
  const mistakes: string[] = [];
  const effective: EffectiveSetting[] = [];
  // An empty variable is what a shell or a compose file makes of "not set".
  const given = (name: string) => env[name]?.trim() || undefined;
  return {
    mistakes,
    effective,
    read(name, fallback, parse) {
      const value = given(name) ?? fallback;
      effective.push({ name, value, isDefault: given(name) === undefined });
      try {
        return parse(value);
      } catch (err) {
        mistakes.push(`${name}="${value}": ${messageOf(err)}`);
        return parse(fallback);
      }
    },
    readSecret(name, parse, mask = maskUrl) {
      const value = given(name);
      effective.push({ name, value: mask(value ?? ''), isDefault: value === undefined });
      try {
        return value === undefined ? undefined : parse(value);
      } catch (err) {
        mistakes.push(`${name}: ${messageOf(err)}`);
        return undefined;
      }
    },
  };
}

const MASK = '***';
const SECRET_PARAMETER = /^(?:.*(?:password|secret|token|properties|key).*)$/i;

/** Shows no more of a secret than whether there is one. */
export function maskAll(text: string): string {
  return text === '' ? '' : MASK;
}

/**
 * Takes what is secret out of a connection string: everything before the last `@` that may be a password, and parameters
 * that hold one. Made for strings that are no URL as well: several hosts, or a password that was not encoded.
 */
export function maskUrl(text: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(text) ?? [];
  const at = rest.lastIndexOf('@');
  const userinfo = rest.slice(0, Math.max(at, 0));
  const user = userinfo.split(':', 1)[0] ?? '';
  const hasPassword = userinfo.includes(':');
  const shownUser = at < 0 ? '' : `${user}${hasPassword ? `:${MASK}` : ''}@`;
  const [place = '', ...query] = rest.slice(at + 1).split('?');
  const parameters = query.join('?').split('&').map(maskParameter).join('&');
  return `${scheme}${shownUser}${place}${query.length > 0 ? `?${parameters}` : ''}`;
}

function maskParameter(parameter: string): string {
  const [name = ''] = parameter.split('=', 1);
  return SECRET_PARAMETER.test(name) && parameter.includes('=') ? `${name}=${MASK}` : parameter;
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
