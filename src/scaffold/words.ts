/** What was asked for cannot be made; the message says why and what to do. */
export class ScaffoldError extends Error {
  override readonly name = 'ScaffoldError';
}

/** What a new service is about. */
export interface ServiceRequest {
  /** Several of its resource, as the contract writes it: `parcels`, `price_lists`. */
  readonly name: string;
  /** One of them. Undefined to take it from the name. */
  readonly singular?: string | undefined;
  /** The part of the package between `keelson` and `v1`. Undefined to take it from the name. */
  readonly area?: string | undefined;
  /** The pattern of the resource that each belongs to: `parcels/{parcel}`. */
  readonly parent?: string | undefined;
}

/** The words that stand in the templates as `{{one}}`. */
export type Words = Readonly<Record<string, string>>;

// Longer names make URLs, columns and lines that nobody reads.
const NAME_LENGTH_MAX = 40;
const NAME = /^[a-z]+(?:_[a-z]+)*$/;
const PATTERN = /^(?:[a-z][a-zA-Z]*\/\{[a-z]+(?:_[a-z]+)*\}\/)*[a-z][a-zA-Z]*\/\{[a-z]+(?:_[a-z]+)*\}$/;
const ID = '[a-z0-9][a-z0-9-]{0,62}';

/** Words of TypeScript that cannot name a variable, and of Protobuf that cannot begin a line of fields. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'any as async await boolean break case catch class const continue debugger default delete do else enum export extends ' +
    'false finally for from function get if implements import in instanceof interface is let map message new null number ' +
    'object of oneof option optional package private protected public repeated required reserved return rpc self service ' +
    'set static stream string super switch symbol syntax this throw true try type typeof undefined var void while with yield'
  ).split(' '),
);

/** Makes the words of a service, or throws ScaffoldError for a name that no contract can have. */
export function wordsOf({ name, singular, area, parent }: ServiceRequest): Words {
  assertName('name', name);
  const one = singular ?? singularOf(name);
  assertName('singular', one);
  if (one === name) throw new ScaffoldError(`Cannot name both one and several "${name}": give another --singular`);
  const areaName = area ?? name.replaceAll('_', '');
  assertName('area', areaName);
  if (areaName.includes('_')) throw new ScaffoldError(`Cannot name an area "${areaName}": expected one word, a to z`);
  if (parent !== undefined && !PATTERN.test(parent))
    throw new ScaffoldError(`Cannot put "${name}" under "${parent}": expected a pattern such as parcels/{parcel}`);
  return {
    area: areaName,
    ...formsOf('one', one),
    ...formsOf('many', name),
    ...(parent === undefined ? atTheTop(camelOf(name)) : below(parent, camelOf(name), one)),
    pattern: `${parent === undefined ? '' : `${parent}/`}${camelOf(name)}/{${one}}`,
  };
}

function formsOf(word: 'one' | 'many', text: string): Words {
  const title = word === 'one' ? 'One' : 'Many';
  return {
    [word]: text,
    [title]: pascalOf(text),
    [`${word}Camel`]: camelOf(text),
    [`${word}-kebab`]: text.replaceAll('_', '-'),
    [`${word} words`]: text.replaceAll('_', ' '),
    [`${title} words`]: capital(text.replaceAll('_', ' ')),
  };
}

function atTheTop(many: string): Words {
  return {
    parent: '',
    namePath: `${many}/*`,
    nameRegex: `^${many}/${ID}$`,
    collectionPath: `/v1/${many}`,
    onCollection: `collection: "${many}"`,
    signatureOfParent: '',
    listSignature: '',
    parentArgument: '',
    parentOnly: '',
    exampleName: `${many}/`,
  };
}

function below(parent: string, many: string, one: string): Words {
  const fill = (pattern: string, id: string) => pattern.replaceAll(/\{[a-z_]+\}/g, id);
  const child = `${parent}/${many}/{${one}}`;
  return {
    parent,
    parentPattern: parent,
    parentRegex: `^${fill(parent, ID)}$`,
    parentExample: fill(parent, 'some'),
    namePath: fill(child, '*'),
    nameRegex: `^${fill(child, ID)}$`,
    collectionPath: `/v1/{parent=${fill(parent, '*')}}/${many}`,
    onCollection: 'resource: "parent"',
    signatureOfParent: 'parent,',
    listSignature: 'parent',
    parentArgument: 'parent: PARENT, ',
    parentOnly: 'parent: PARENT',
    exampleName: `${fill(parent, 'some')}/${many}/`,
  };
}

function assertName(what: string, text: string): void {
  const said = `Cannot use "${text}" as ${what === 'area' ? 'an' : 'a'} ${what}`;
  if (!NAME.test(text))
    throw new ScaffoldError(`${said}: expected words of a to z with "_" between, such as price_lists`);
  if (text.length > NAME_LENGTH_MAX)
    throw new ScaffoldError(`${said}: it has ${text.length} letters, expected ${NAME_LENGTH_MAX} at most`);
  if (RESERVED.has(text)) throw new ScaffoldError(`${said}: it is a word of TypeScript or Protobuf`);
}

function singularOf(name: string): string {
  const rule = SINGULARS.find(([ending]) => ending.test(name));
  if (rule === undefined) throw new ScaffoldError(`Cannot tell what one of "${name}" is called: give --singular`);
  return name.replace(rule[0], rule[1]);
}

const SINGULARS: readonly (readonly [ending: RegExp, singular: string])[] = [
  [/ies$/, 'y'],
  [/(ss|sh|ch|x|z)es$/, '$1'],
  [/([^s])s$/, '$1'],
];

function pascalOf(text: string): string {
  return text.split('_').map(capital).join('');
}

function camelOf(text: string): string {
  const [first = '', ...rest] = text.split('_');
  return first + rest.map(capital).join('');
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
