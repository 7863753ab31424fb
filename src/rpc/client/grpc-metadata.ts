import { Metadata } from '@grpc/grpc-js';
import { CallMetadata, isSendableKey, toHeaderText } from '../metadata.js';

/** Makes what grpc-js sends. */
export function toGrpcMetadata(source: CallMetadata): Metadata {
  const target = new Metadata();
  for (const [key, value] of source.entries()) target.add(key, toHeaderText(value));
  for (const [key, value] of source.binaryEntries()) target.add(key, Buffer.from(value));
  return target;
}

/** Adds what a server has sent, but for what belongs to the transport. */
export function addGrpcMetadata(target: CallMetadata, source: Metadata): void {
  for (const key of Object.keys(source.getMap())) {
    if (!isSendableKey(key) || NOT_PASSED_ON.test(key)) continue;
    for (const value of source.get(key)) {
      if (typeof value === 'string') target.add(key, value);
      else target.addBinary(key, value);
    }
  }
}

/** What HTTP/2 servers add to every answer. */
const NOT_PASSED_ON = /^(?:date|server|via|trailer)$/;
