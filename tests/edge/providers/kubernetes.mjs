// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/

import { newKey, now } from '../support/tokens.mjs';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const account = (name, namespace = 'shop') => ({
  sub: `system:serviceaccount:${namespace}:${name}`,
  'kubernetes.io': {
    namespace,
    node: { name: 'node-1', uid: '58456cb0-dd00-45ed-b797-5578fdceaced' },
    pod: { name: `${name}-69cbfb9798-jv9gn`, uid: '778a530c-b3f4-47c0-9cd5-ab018fb64f33' },
    serviceaccount: { name, uid: 'a087d5a0-e1dd-43ec-93ac-f13d89cd13af' },
    warnafter: now() + 3000,
  },
});
const withoutPod = { ...account('importer')['kubernetes.io'], pod: undefined, node: undefined };

export default {
  policy: 'kubernetes',
  key: newKey('RS256'),
  header: { typ: undefined },
  claims: { iss: ISSUER, aud: ['https://api.example.com'], jti: 'ed422723-2d63-4a4e-9f8c-6a6b8a1d5a6b', ...account('importer') },
  identity: { subject: 'system:serviceaccount:shop:importer', audience: 'https://api.example.com' },
  allowed: [
    ['the service account', 'POST /imports', {}, {}],
    ['an account of the namespace', 'GET /namespaces/shop/orders', {}, {}],
    ['another one', 'GET /namespaces/blog/posts', account('exporter', 'blog'), { subject: 'system:serviceaccount:blog:exporter' }],
  ],
  refused: [
    ['another account', 'POST /imports', account('exporter'), 'auth.claim_mismatch'],
    ['an account of that name in another namespace', 'POST /imports', account('importer', 'blog'), 'auth.claim_mismatch'],
    ['another namespace', 'GET /namespaces/shop/orders', account('importer', 'blog'), 'auth.claim_mismatch'],
    ['an account that is not listed', 'GET /namespaces/shop/orders', account('default'), 'auth.claim_mismatch'],
    ['a token without a pod', 'GET /namespaces/shop/orders', { 'kubernetes.io': withoutPod }, 'auth.claim_mismatch'],
    ['a token for the API server', 'POST /imports', { aud: [ISSUER] }, 'auth.invalid_audience'],
    ['a token of a Secret, which does not expire', 'POST /imports', { exp: undefined, aud: undefined, iss: 'kubernetes/serviceaccount' }, 'auth.invalid_token'],
  ],
};
