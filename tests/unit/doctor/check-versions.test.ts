import { expect } from 'chai';
import { checkVersions } from '../../../src/doctor/check-versions.js';

describe('checkVersions()', () => {
  for (const version of ['v20.19.0', 'v20.20.2', 'v22.0.0', 'v100.0.0']) {
    it(`takes ${version}`, () => {
      expect(checkVersions(version, '>=20.19.0', '1.0.0')).to.include({ level: 'ok' });
    });
  }

  for (const version of ['v20.18.9', 'v18.20.0', 'v9.99.99']) {
    it(`refuses ${version}, and says which to install`, () => {
      const finding = checkVersions(version, '>=20.19.0', '1.0.0');

      expect(finding).to.include({ level: 'problem', todo: 'Install a newer Node from https://nodejs.org' });
      expect(finding.message).to.include('needs Node >=20.19.0');
    });
  }
});
