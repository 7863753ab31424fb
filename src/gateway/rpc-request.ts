import type { CallMetadata } from '../rpc/metadata.js';
import type { Method } from '../rpc/method-table.js';
import type { Exchange } from './exchange.js';

/** A request at the path of a method, as the protocols of typed clients make them. */
export interface RpcRequest {
  readonly exchange: Exchange;
  readonly method: Method;
  readonly responseMetadata: CallMetadata;
}
