import type { Collection } from 'mongodb';
import type { Position } from '../store.js';
import { type StoredPosition, toPosition } from './documents.js';
import { ignoreDuplicateKey } from './failures.js';

/** The two positions that all processes share: how far the state was applied, and up to where history was dropped. */
export interface Positions {
  read(name: 'applied' | 'floor'): Promise<Position>;
  /** Moves it forward; one that is further already stays. */
  raise(name: 'applied' | 'floor', to: Position): Promise<void>;
}

/** `start` is what both are before anything was written. */
export function createPositions(collection: Collection<StoredPosition>, start: Position): Positions {
  return {
    read: async (name) => {
      const found = await collection.findOne({ _id: name });
      return found ? toPosition(found) : start;
    },
    raise: async (name, { revision, hash, time }) => {
      const filter = { _id: name, revision: { $lt: revision } };
      // If it is as far already, the filter finds nothing and the insert meets the key.
      await collection.replaceOne(filter, { revision, hash, time }, { upsert: true }).catch(ignoreDuplicateKey);
    },
  };
}
