import { expect } from 'chai';
import { violationsOf } from '../harness.js';

const LIST = 'GET /v1/things?';
const CHECK = 'POST /v1/everything/p:check';
const CREATE = 'POST /v1/shelves/s/things';
const PATCH = 'PATCH /v1/things/a';
const INT32 = 'must be a 32-bit integer';
const COLORS = 'must be a number or one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE';
const TIME = 'must be a time as in "2030-01-31T12:00:00Z", from year 1 to 9999';
const DURATION = 'must be a duration in seconds as in "1.5s"';
const ROUNDED = 'must be given as a string: a JSON number of this size loses digits';
const LIST_PATH = '/fixtures.v1.ThingService/ListThings';

describe('bindRequest(), given a malformed request', () => {
  const rows: readonly (readonly [request: string, body: string | undefined, violations: readonly string[]])[] = [
    // The path.
    ['GET /v1/int/x/COLOR_RED/2030-01-31T12:00:00Z', undefined, [`int32_value: ${INT32}`]],
    ['GET /v1/int/1/COLOR_GREEN/2030-01-31T12:00:00Z', undefined, [`enum_value: ${COLORS}`]],
    ['GET /v1/int/1/1/tomorrow', undefined, [`timestamp: ${TIME}`]],
    ['GET /v1/int/2147483648/1/2030-01-31T12:00:00Z', undefined, [`int32_value: ${INT32}`]],
    // The query.
    [`${LIST}nope=1`, undefined, [`nope: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}Text=1`, undefined, [`Text: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}place.nope=1`, undefined, [`\`place.nope\`: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}text.x=1`, undefined, [`\`text.x\`: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}timestamp.seconds=1`, undefined, [`\`timestamp.seconds\`: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}strings[]=1`, undefined, ['`strings[]`: is not a map']],
    [`${LIST}=1`, undefined, [`\`\`: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}int32Value=`, undefined, [`int32_value: ${INT32}`]],
    [`${LIST}int32Value=0x10`, undefined, [`int32_value: ${INT32}`]],
    [`${LIST}int32Value=+1`, undefined, [`int32_value: ${INT32}`]],
    [`${LIST}int32Value=1.0`, undefined, [`int32_value: ${INT32}`]],
    [`${LIST}int32Value=2147483648`, undefined, [`int32_value: ${INT32}`]],
    [`${LIST}uint32Value=-1`, undefined, ['uint32_value: must be an unsigned 32-bit integer']],
    [`${LIST}int64Value=9223372036854775808`, undefined, ['int64_value: must be a 64-bit integer']],
    [`${LIST}uint64Value=-1`, undefined, ['uint64_value: must be an unsigned 64-bit integer']],
    [`${LIST}floatValue=1e39`, undefined, ['float_value: must be a number in the range of a 32-bit float']],
    [`${LIST}doubleValue=1e400`, undefined, ['double_value: must be a number']],
    [`${LIST}doubleValue=one`, undefined, ['double_value: must be a number']],
    [`${LIST}boolValue=1`, undefined, ['bool_value: must be true or false']],
    [`${LIST}boolValue`, undefined, ['bool_value: must be true or false']],
    [`${LIST}bytesValue=!`, undefined, ['bytes_value: must be base64']],
    [`${LIST}enumValue=color_red`, undefined, [`enum_value: ${COLORS}`]],
    [`${LIST}enumValue=4294967297`, undefined, [`enum_value: ${COLORS}`]],
    [`${LIST}numbers=1&numbers=x`, undefined, [`numbers: ${INT32}`]],
    [`${LIST}colors=COLOR_RED&colors=NONE`, undefined, [`colors[1]: ${COLORS}`]],
    [`${LIST}text=a&text=a`, undefined, ['text: is given more than once']],
    [`${LIST}int32Value=1&int32_value=1`, undefined, ['int32_value: is given more than once']],
    [`${LIST}labels[a]=1&labels[a]=2`, undefined, ['labels["a"]: is given more than once']],
    [`${LIST}labels=1`, undefined, ['labels: needs a key, as in labels[key]']],
    [`${LIST}counts[x]=1`, undefined, ['counts["x"]: has a key that must be a 32-bit integer']],
    [`${LIST}text[a]=1`, undefined, ['`text[a]`: is not a map']],
    [`${LIST}place=x`, undefined, ['place: is a message: give its fields one by one']],
    [`${LIST}places=x`, undefined, ['places: is a message: give its fields one by one']],
    [`${LIST}places.height=1`, undefined, [`\`places.height\`: is not a query parameter of ${LIST_PATH}`]],
    [`${LIST}struct=%7B%7D`, undefined, ['struct: is a message: give its fields one by one']],
    [`${LIST}placesByName[a]=x`, undefined, ['`placesByName[a]`: is a message: give its fields one by one']],
    [`${LIST}timestamp=2030-02-31`, undefined, [`timestamp: ${TIME}`]],
    [`${LIST}timestamp=0000-01-01T00:00:00Z`, undefined, [`timestamp: ${TIME}`]],
    [`${LIST}duration=5`, undefined, [`duration: ${DURATION}`]],
    [`${LIST}duration=1.5sec`, undefined, [`duration: ${DURATION}`]],
    [`${LIST}duration=315576000001s`, undefined, [`duration: ${DURATION}`]],
    [`${LIST}mask=a,,b`, undefined, ['mask: holds an empty path']],
    [`${LIST}wrappedInt=x`, undefined, [`wrapped_int: ${INT32}`]],
    [`${LIST}firstChoice=a&secondChoice=1`, undefined, ['second_choice: cannot be given together with "first_choice"']],
    [
      `${LIST}nope=1&int32Value=x`,
      undefined,
      [`nope: is not a query parameter of ${LIST_PATH}`, `int32_value: ${INT32}`],
    ],
    ['GET /v1/things/a?name=b', undefined, ['name: comes in the path']],
    [`${CREATE}?parent=b`, '{}', ['parent: comes in the path']],
    [
      `${CREATE}?thing.displayName=b`,
      '{}',
      ['thing.displayName: comes in the body'].map((row) => `\`${row.replace(':', '`:')}`),
    ],
    [
      `${CHECK}?int32Value=1`,
      '{}',
      ['int32Value: is a query parameter, but all fields of this method come in the body'],
    ],
    // The body, as text.
    [CHECK, '{', [': Body is not JSON: expected a name in double quotes at line 1, column 2']],
    [CHECK, '{"a"', [': Body is not JSON: expected ":" at line 1, column 5']],
    [CHECK, '{"a":1', [': Body is not JSON: expected "," or "}" at line 1, column 7']],
    [CHECK, '{"text":"a"\n "x":1}', [': Body is not JSON: expected "," or "}" at line 2, column 2']],
    [CHECK, '{"text":"a",}', [': Body is not JSON: expected a name in double quotes at line 1, column 13']],
    [CHECK, "{'text':1}", [': Body is not JSON: expected a name in double quotes at line 1, column 2']],
    [CHECK, '{"text":NaN}', [': Body is not JSON: expected a value at line 1, column 9']],
    [
      CHECK,
      '{"text":"a\tb"}',
      [': Body is not JSON: control characters in a string must be escaped at line 1, column 11'],
    ],
    [CHECK, '{"text":"\\x"}', [': Body is not JSON: this escape is not one of JSON at line 1, column 10']],
    [CHECK, '{"text":"', [': Body is not JSON: the text ends inside a string at line 1, column 10']],
    [CHECK, '{} {}', [': Body is not JSON: text after the end of the value at line 1, column 4']],
    [CHECK, '{"int32Value":01}', [': Body is not JSON: expected "," or "}" at line 1, column 16']],
    [CHECK, '   ', [': Body is not JSON: expected a value at line 1, column 4']],
    [CHECK, '{"text":"a","text":"b"}', ['text: stands twice in its object']],
    [CHECK, '{"place":{"height":1,"h\\u0065ight":2}}', ['place.height: stands twice in its object']],
    [CHECK, '{"struct":{"a":[{"b":1,"b":2}]}}', ['struct.a[0].b: stands twice in its object']],
    [CHECK, '{"text":"\\ud800"}', ['text: holds half of a surrogate pair, which is no character']],
    [CHECK, '{"struct":{"a b":1e400}}', ['struct.`a b`: is a number beyond the range of a double']],
    // The body, against the message.
    [CHECK, '[]', [': Body must be a JSON object']],
    [CHECK, 'null', [': Body must be a JSON object']],
    [CHECK, '"x"', [': Body must be a JSON object']],
    [CHECK, '{"nope":1}', ['nope: is not a field of fixtures.v1.Everything']],
    [CHECK, '{"place":{"no pe":1}}', ['place.`no pe`: is not a field of fixtures.v1.Place']],
    [CHECK, '{"__proto__":1}', ['__proto__: is not a field of fixtures.v1.Everything']],
    [CHECK, '{"int32Value":1,"int32_value":2}', ['int32_value: is given twice, as "int32Value" and as "int32_value"']],
    [CHECK, '{"int32Value":"x"}', [`int32_value: ${INT32}`]],
    [CHECK, '{"int32Value":1.5}', [`int32_value: ${INT32}`]],
    [CHECK, '{"int32Value":{}}', [`int32_value: ${INT32}`]],
    [CHECK, '{"int64Value":9007199254740993}', [`int64_value: ${ROUNDED}`]],
    [CHECK, '{"inner":{"counts":{"1":-9007199254740993}}}', [`inner.counts["1"]: ${ROUNDED}`]],
    [CHECK, '{"boolValue":"true"}', ['bool_value: must be true or false']],
    [CHECK, '{"bytesValue":"%"}', ['bytes_value: must be base64']],
    [CHECK, '{"strings":"a"}', ['strings: must be a JSON array']],
    [CHECK, '{"strings":["a",null,1]}', ['strings[1]: must not be null', 'strings[2]: must be a string']],
    [CHECK, '{"places":[{"height":"x"},[]]}', [`places[0].height: ${INT32}`, 'places[1]: must be a JSON object']],
    [CHECK, '{"placesByName":{"a b":{"height":true}}}', [`places_by_name["a b"].height: ${INT32}`]],
    [CHECK, '{"labels":{"a":null}}', ['labels["a"]: must not be null']],
    [CHECK, '{"labels":["a"]}', ['labels: must be a JSON object']],
    [CHECK, '{"enumValue":"GREEN"}', [`enum_value: ${COLORS}`]],
    [CHECK, '{"enumValue":true}', [`enum_value: ${COLORS}`]],
    [CHECK, '{"timestamp":1}', [`timestamp: ${TIME}`]],
    [CHECK, '{"duration":"5"}', [`duration: ${DURATION}`]],
    [CHECK, '{"struct":[]}', ['struct: must be a JSON object']],
    [
      CHECK,
      '{"any":{"@type":"x/no.such.Type"}}',
      ['any: must be a JSON object with a known "@type" and the fields of that type'],
    ],
    [CHECK, '{"firstChoice":"a","secondChoice":1}', ['second_choice: cannot be given together with "first_choice"']],
    [CREATE, '{"nope":1}', ['thing.nope: is not a field of fixtures.v1.Thing']],
    [CREATE, '"x"', ['thing: must be a JSON object']],
    [CREATE, '{"labels":{"a":"1","a":"2"}}', ['thing.labels.a: stands twice in its object']],
    [CREATE, '{"revision":12345678901234567890}', [`thing.revision: ${ROUNDED}`]],
    [PATCH, '[]', ['thing: must be a JSON object']],
    [PATCH, '{}', ['thing: holds nothing to change, and there is no mask']],
    [PATCH, '{"etag":"e","revision":"5"}', ['thing: holds nothing to change, and there is no mask']],
    [PATCH, undefined, ['thing: holds nothing to change, and there is no mask']],
  ];
  for (const [request, body, violations] of rows) {
    it(`refuses ${request} ${body ?? ''}`, () => {
      expect(violationsOf(request, body)).to.deep.equal(violations);
    });
  }

  it('stops counting where more would not help', () => {
    const body = JSON.stringify({ strings: Array.from({ length: 1000 }, () => 1) });
    expect(violationsOf(CHECK, body)).to.have.length(20);
  });

  it('gives up looking where that would take longer than reading, and refuses all the same', () => {
    const numbers = Array.from({ length: 200_000 }, () => 1);
    const body = JSON.stringify({ numbers: [...numbers, 'x'] });
    expect(violationsOf(CHECK, body)).to.deep.equal([': Request does not make a fixtures.v1.Everything']);
  });

  it('finds an integer that parsing has changed wherever it stands', () => {
    const numbers = Array.from({ length: 200_000 }, () => 1);
    const body = JSON.stringify({ numbers }).replace('}', ',"counts":{"1":9007199254740993}}');
    expect(violationsOf(CHECK, body)).to.deep.equal([`counts["1"]: ${ROUNDED}`]);
  });

  it('refuses nesting beyond the limit without running out of stack', () => {
    const deep = `{"struct":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    expect(violationsOf(CHECK, deep)[0]).to.match(/^struct\.a(\[0\])+: is nested deeper than 100 levels$/);
  });

  it('speaks no word of the libraries underneath', () => {
    for (const [request, body] of rows) {
      const text = violationsOf(request, body).join('\n');
      expect(text).not.to.match(/cannot decode|protobuf-es|ReflectMessage|Uint8Array|bigint|Unexpected token|Error/);
    }
  });
});
