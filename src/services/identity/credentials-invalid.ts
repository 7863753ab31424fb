import { ServiceError } from '../../rpc/errors.js';

/** Says no more than that: what was wrong is what an attacker wants to know. */
export function credentialsInvalid(): ServiceError {
  return new ServiceError('CREDENTIALS_INVALID', 'User or password is wrong');
}
