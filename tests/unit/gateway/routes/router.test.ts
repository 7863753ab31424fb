import { expect } from 'chai';
import { splitPath } from '../../../../src/gateway/routes/request-target.js';
import { createRouter, type Router, type RouteEntry } from '../../../../src/gateway/routes/router.js';
import { parseTemplate } from '../../../../src/gateway/routes/template.js';
import { ContractError } from '../../../../src/rpc/method-table.js';
import { seed } from '../../../support/seed.js';
import { randomFrom, shuffled } from '../random.js';

function aRoute(route: string): RouteEntry<string> {
  const [httpMethod = '', path = ''] = route.split(' ');
  return { httpMethod, template: parseTemplate(path), target: route, label: route };
}

function aRouter(...routes: readonly string[]): Router<string> {
  return createRouter(routes.map(aRoute));
}

/** Gives the route that serves a request, `Allow: ...` or `none`. */
function routeOf(router: Router<string>, request: string): string {
  const [httpMethod = '', path = ''] = request.split(' ');
  const segments = splitPath(path);
  if (segments === undefined) return 'malformed';
  const match = router.find(httpMethod, segments);
  if (match.kind === 'found') return match.entry.target;
  return match.kind === 'not-found' ? 'none' : `Allow: ${match.allow.join(', ')}`;
}

const ROUTES = [
  'GET /',
  'GET /v1/users/me',
  'GET /v1/users/{id}',
  'DELETE /v1/users/{id}',
  'GET /v1/users/{id}/files/{path=**}',
  'GET /v1/users/me/files/secret',
  'GET /v1/users/{id}/files/secret/deep',
  'POST /v1/{name=users/*}:cancel',
  'POST /v1/users:batchGet',
  'GET /v1/{name=**}',
  'PUT /v1/{name=**}:undo',
  '* /v1/any/{id}',
  'GET /v1/any/{id}',
  'GET /v1/Users/{id}',
  'HEAD /v1/heads/{id}',
  'GET /v1/heads/{id}',
  'POST /v1/a/b/c/d',
  'POST /v1/a/{b}/c/{d}/e',
  'GET /v1/co:lon/{id}',
  'OPTIONS /v1/options',
  'GET /v1/%C3%A4',
];

const REQUESTS: readonly (readonly [request: string, route: string])[] = [
  ['GET /', 'GET /'],
  ['GET /v1/users/me', 'GET /v1/users/me'],
  ['GET /v1/users/you', 'GET /v1/users/{id}'],
  ['GET /v1/users/%6De', 'GET /v1/users/me'],
  // The literal branch has no DELETE, so the search goes back to the variable.
  ['DELETE /v1/users/me', 'DELETE /v1/users/{id}'],
  ['GET /v1/users/me/files/secret', 'GET /v1/users/me/files/secret'],
  // The literal "me" leads nowhere here, and neither does "secret" of the variable branch.
  ['GET /v1/users/me/files/public', 'GET /v1/users/{id}/files/{path=**}'],
  ['GET /v1/users/me/files/secret/deep', 'GET /v1/users/{id}/files/secret/deep'],
  ['GET /v1/users/me/files/secret/deeper', 'GET /v1/users/{id}/files/{path=**}'],
  ['GET /v1/users/me/files', 'GET /v1/users/{id}/files/{path=**}'],
  ['POST /v1/users/7:cancel', 'POST /v1/{name=users/*}:cancel'],
  ['GET /v1/users/7:cancel', 'GET /v1/users/{id}'],
  ['POST /v1/users/7%3Acancel', 'Allow: DELETE, GET, HEAD, OPTIONS'],
  ['GET /v1/users/7:unknown', 'GET /v1/users/{id}'],
  ['POST /v1/users:batchGet', 'POST /v1/users:batchGet'],
  ['PUT /v1/a/b/c:undo', 'PUT /v1/{name=**}:undo'],
  ['PUT /v1:undo', 'PUT /v1/{name=**}:undo'],
  ['GET /v1/a/b:c/d', 'GET /v1/{name=**}'],
  ['GET /v1', 'GET /v1/{name=**}'],
  ['GET /v1/', 'GET /v1/{name=**}'],
  ['GET /v1/users', 'GET /v1/{name=**}'],
  ['GET /v1/users/', 'GET /v1/users/{id}'],
  ['DELETE /v1/users//', 'Allow: GET, HEAD, OPTIONS'],
  ['GET /v1/users/me/', 'GET /v1/{name=**}'],
  ['GET /v1/any/1', 'GET /v1/any/{id}'],
  ['PATCH /v1/any/1', '* /v1/any/{id}'],
  ['PURGE /v1/any/1', '* /v1/any/{id}'],
  ['OPTIONS /v1/any/1', 'Allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT'],
  ['GET /v1/USERS/1', 'GET /v1/{name=**}'],
  ['GET /v1/Users/1', 'GET /v1/Users/{id}'],
  ['HEAD /v1/heads/1', 'HEAD /v1/heads/{id}'],
  ['HEAD /v1/users/me', 'GET /v1/users/me'],
  ['OPTIONS /v1/options', 'OPTIONS /v1/options'],
  ['OPTIONS /v1/users/7', 'Allow: DELETE, GET, HEAD, OPTIONS'],
  ['POST /v1/a/b/c/d', 'POST /v1/a/b/c/d'],
  ['POST /v1/a/b/c/d/e', 'POST /v1/a/{b}/c/{d}/e'],
  ['POST /v1/a/b/c', 'Allow: GET, HEAD, OPTIONS'],
  ['GET /v1/co:lon/1', 'GET /v1/co:lon/{id}'],
  ['GET /v1/%c3%a4', 'GET /v1/%C3%A4'],
  ['GET /v2', 'none'],
  ['GET //', 'none'],
];

describe('createRouter()', () => {
  const router = aRouter(...ROUTES);
  for (const [request, route] of REQUESTS) {
    it(`leads ${request} to ${route}`, () => {
      expect(routeOf(router, request)).to.equal(route);
    });
  }

  it('answers the same whatever the order of the routes', () => {
    const random = randomFrom(seed());
    for (let round = 0; round < 100; round += 1) {
      const other = aRouter(...shuffled(ROUTES, random));
      for (const [request, route] of REQUESTS) expect(routeOf(other, request), request).to.equal(route);
    }
  });

  const conflicts: readonly (readonly [one: string, other: string])[] = [
    ['GET /v1/{a}', 'GET /v1/{b}'],
    ['GET /v1/{a=*}', 'GET /v1/*'],
    ['GET /v1/{name=things/*}', 'GET /v1/things/{id}'],
    ['GET /v1/{a=**}', 'GET /v1/**'],
    ['GET /v1/a:go', 'GET /v1/{x=a}:go'],
    ['* /v1/a', '* /v1/a'],
    ['GET /v1/a', 'GET /v1/%61'],
  ];
  for (const [one, other] of conflicts) {
    it(`refuses ${one} beside ${other} and names both`, () => {
      expect(() => aRouter(other, one))
        .to.throw(ContractError)
        .with.property('message')
        .that.includes(one)
        .and.includes(other);
    });
  }

  it('reports every conflict, in the same words whatever the order', () => {
    const attempt = (...routes: string[]) => {
      try {
        aRouter(...routes);
      } catch (err) {
        return (err as Error).message;
      }
      return '';
    };
    const message = attempt('GET /a/{x}', 'GET /a/{y}', 'GET /b', 'GET /b');
    expect(message.split('\n')).to.have.length(2);
    expect(attempt('GET /a/{y}', 'GET /a/{x}')).to.equal(attempt('GET /a/{x}', 'GET /a/{y}'));
  });

  it('takes the same path under two HTTP methods or two verbs', () => {
    expect(() =>
      aRouter('GET /a', 'PUT /a', '* /a', 'GET /a:x', 'GET /a:y', 'GET /a/{b}', 'GET /a/{c=**}'),
    ).not.to.throw();
  });
});
