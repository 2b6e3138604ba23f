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
  type Problem,
  type Site,
  secret,
  type Vars,
  vars,
} from '#engine/vars.ts'
import { kinds, type RuntimeKind } from './app/kinds.ts'

/** The inventory's `site` key, and each entry of its `sites`: what every role may know of a site. */
const declared = vars({
  domain: domain({ default: 'foobar.com', is: 'the apex domain' }),
  www: list(domain({ wildcard: true }), {
    default: ({ site }) => [`www.${site.domain}`],
    is: 'further host names; the first one is canonical, and all others redirect to it. `*.foobar.com` is every name below the domain: see [Wildcard names](dns.md#wildcard-names)',
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

const site: Vars<Site> = {
  ...declared,
  parse(input, given) {
    const parsed = declared.parse(input, given)
    if (!parsed.ok) return parsed
    const problems = wildcardProblems(parsed.value)
    return problems.length > 0 ? { ok: false, problems } : parsed
  },
}

export default site

/** Visitors are led to the first name, and a wildcard's challenges are published in the zone of the domain. */
function wildcardProblems({ domain, www }: Site): readonly Problem[] {
  return www.flatMap((name, index) => {
    if (!name.startsWith('*.')) return []
    const base = name.slice(2)
    const wrong =
      index === 0
        ? `${name}: expected a name without * first, since all others redirect to it`
        : base !== domain && !base.endsWith(`.${domain}`)
          ? `${name}: expected a wildcard below ${domain}`
          : undefined
    return wrong === undefined ? [] : [{ path: ['www', String(index)], message: wrong }]
  })
}

function inWords(): string {
  const all = Object.entries<RuntimeKind>(kinds).map(([name, { description }]) =>
    description ? `${name} (${description})` : name,
  )
  return `${all.slice(0, -1).join(', ')}, or ${all.at(-1)}`
}
