import {
  bytes,
  choice,
  domain,
  email,
  group,
  identifier,
  ipAddress,
  list,
  optional,
  type Site,
  secret,
  type Vars,
  vars,
} from '#engine/vars.ts'
import { kinds, type RuntimeKind } from './app/kinds.ts'

/** The inventory's `site` key, and each entry of its `sites`: what every role may know of a site. */
const site: Vars<Site> = vars({
  domain: domain({ default: 'foobar.com', is: 'the apex domain' }),
  www: list(domain(), {
    default: ({ site }) => [`www.${site.domain}`],
    is: 'further host names; the first one is canonical, and all others redirect to it',
  }),
  address: optional(ipAddress({ is: 'the address in the DNS zone; default: the address of the host' })),
  app: identifier({
    default: 'foobar',
    is: 'name of the app; also the name of its Unix user, database and directory. Under `sites`, the key is this name',
  }),
  runtime: choice(Object.keys(kinds), { default: 'php', is: `what runs the app: ${inWords()}` }),
  replaces: optional(
    domain({
      is: 'domain of the site that this one replaces on its hosts; default: a host with another site is refused',
    }),
  ),
  database: group({
    name: identifier({ default: ({ site }) => site.app, is: 'name of the site’s database' }),
    user: identifier({ default: ({ site }) => site.app, is: 'name of the site’s database user' }),
    password: optional(secret({ is: 'password of the database user; default: the site has no database' })),
  }),
  upload: bytes({
    default: '16m',
    is: 'largest upload: of nginx (nginx.body) and of PHP (app.php.upload), unless they say otherwise',
  }),
  email: email({
    default: ({ site }) => `hostmaster@${site.domain}`,
    is: 'contact address in the DNS zone and for the certificate authority',
  }),
})

export default site

function inWords(): string {
  const all = Object.entries<RuntimeKind>(kinds).map(([name, { description }]) =>
    description ? `${name} (${description})` : name,
  )
  return `${all.slice(0, -1).join(', ')}, or ${all.at(-1)}`
}
