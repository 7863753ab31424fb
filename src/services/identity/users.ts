import type { Empty } from '../../../gen/google/protobuf/empty.js';
import {
  CreateUserRequest,
  DeleteUserRequest,
  UpdateUserRequest,
  type GetUserRequest,
  type ListUsersRequest,
  type ListUsersResponse,
} from '../../../gen/keelson/identity/v1/identity_service.js';
import { User } from '../../../gen/keelson/identity/v1/resources.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { pageSizeOf } from '../page-size.js';
import type { IdentityDeps } from './identity-deps.js';

/** The methods of users. */
export function createUserMethods({ identities, hasher, owners, sessions }: IdentityDeps) {
  const { principals, passwords, change } = identities;
  const { users } = principals;
  const { codec } = users.definition;
  return {
    createUser: async (ctx: CallContext, request: CreateUserRequest): Promise<User> => {
      const { userId: id, requestId, password } = request;
      const content = User.fromPartial(request.user ?? {});
      // Not in the commit: a hash takes long, and a commit may be tried again.
      const hash = password === '' ? undefined : await hasher.hash(password);
      // The password is no part of what a repeat is recognised by: a fingerprint of it would be stored.
      const encode = () => CreateUserRequest.encode({ ...request, password: '' }).finish();
      const [created] = await change(
        async (view) => {
          const write = await users.writes.create(view, { parent: '', id, content });
          // Whoever has the password can do whatever is bound to the name already.
          if (hash !== undefined) owners.assertHoldsAllOf(ctx.caller, write.id);
          // One that was deleted under this name may have left one.
          return [write, hash === undefined ? passwords.remove(write.id) : passwords.put(write.id, hash)];
        },
        changeOptions(ctx, { method: 'CreateUser', requestId, encode }),
      );
      return created === undefined ? content : codec.decode(created);
    },

    getUser: (ctx: CallContext, { name }: GetUserRequest): Promise<User> => users.get(name, ctx),

    listUsers: async (ctx: CallContext, request: ListUsersRequest): Promise<ListUsersResponse> => {
      const { pageToken, filter } = request;
      const query = { parent: '', pageSize: pageSizeOf(request), pageToken, filter };
      const { resources, nextPageToken } = await users.list(query, ctx);
      return { users: [...resources], nextPageToken };
    },

    updateUser: async (ctx: CallContext, request: UpdateUserRequest): Promise<User> => {
      const { updateMask: mask, requestId } = request;
      const content = User.fromPartial(request.user ?? {});
      const { name, etag } = content;
      const encode = () => UpdateUserRequest.encode(request).finish();
      const [updated] = await owners.change(
        async (view) => {
          const write = await users.writes.update(view, { name, etag, mask, content });
          if (write.kind === 'put' && write.value['disabled'] === true) await owners.assertNotLast(view, name);
          return [write];
        },
        changeOptions(ctx, { method: 'UpdateUser', requestId, encode }),
      );
      const user = updated === undefined ? content : codec.decode(updated);
      if (user.disabled) await sessions.endAll(name);
      return user;
    },

    deleteUser: async (ctx: CallContext, request: DeleteUserRequest): Promise<Empty> => {
      const { name, etag, requestId } = request;
      const encode = () => DeleteUserRequest.encode(request).finish();
      await owners.change(
        async (view) => {
          await owners.assertNotLast(view, name);
          return [...(await users.writes.delete(view, { name, etag })), passwords.remove(name)];
        },
        changeOptions(ctx, { method: 'DeleteUser', requestId, encode }),
      );
      await sessions.endAll(name);
      return {};
    },
  };
}
