import { expect } from 'chai';
import { createCircuit } from '../../../../src/cache/redis/circuit.js';

describe('createCircuit()', () => {
  it('opens after five failures in a row, and lets one call a second through', () => {
    let nowMs = 0;
    const circuit = createCircuit(() => nowMs);
    for (let n = 0; n < 4; n += 1) circuit.failed();
    expect(circuit.allows()).to.equal(true);

    circuit.failed();

    expect(circuit.allows()).to.equal(false);
    expect(circuit.isOpen()).to.equal(true);
    nowMs += 1000;
    expect(circuit.allows()).to.equal(true);
    expect(circuit.allows()).to.equal(false);
  });

  it('closes with a success', () => {
    const circuit = createCircuit(() => 0);
    for (let n = 0; n < 5; n += 1) circuit.failed();

    circuit.succeeded();

    expect(circuit.allows()).to.equal(true);
    expect(circuit.isOpen()).to.equal(false);
  });
});
