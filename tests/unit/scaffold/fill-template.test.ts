import { expect } from 'chai';
import { fillTemplate } from '../../../src/scaffold/fill-template.js';

describe('fillTemplate()', () => {
  it('fills in words, between braces of the text too', () => {
    expect(
      fillTemplate('{{{one}}.name={{path}}} {{one words}}', { one: 'a', path: 'as/*', 'one words': 'an a' }),
    ).to.equal('{a.name=as/*} an a');
  });

  it('keeps lines for a word that is there, and leaves them out for an empty one', () => {
    const template = 'a\n{{#parent}}\nof {{parent}}\n{{/parent}}\nb\n';

    expect(fillTemplate(template, { parent: 'p' })).to.equal('a\nof p\nb\n');
    expect(fillTemplate(template, { parent: '' })).to.equal('a\nb\n');
  });

  it('refuses a word that it does not know', () => {
    expect(() => fillTemplate('{{other}}', {})).to.throw(TypeError, /"other"/);
  });
});
