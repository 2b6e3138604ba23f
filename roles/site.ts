import {
  choice,
  domain,
  email,
  identifier,
  ipAddress,
  list,
  optional,
  type Site,
  type Vars,
  vars,
} from '#engine/vars.ts'

/** The inventory's `site` key: what every role may know of the site. */
const site: Vars<Site> = vars({
  domain: domain({ default: 'foobar.com', is: 'the apex domain' }),
  www: list(domain(), {
    default: ({ site }) => [`www.${site.domain}`],
    is: 'the other names it answers to; the first is the canonical one, to which the rest redirect',
  }),
  address: optional(ipAddress({ is: 'the address that DNS gives for it; unset: the host’s own' })),
  app: identifier({ default: 'foobar', is: 'the app’s name: its unix user, database and folder' }),
  runtime: choice(['php', 'python', 'node', 'static'], {
    default: 'php',
    is: 'what runs the app: php (php-fpm), python (gunicorn or uWSGI), node, or static for files alone',
  }),
  replaces: optional(
    domain({
      is: 'the domain of the site that it takes the place of on its hosts; unset: a host that has another one is refused',
    }),
  ),
  email: email({
    default: ({ site }) => `hostmaster@${site.domain}`,
    is: 'who is written to about the zone and the certificates',
  }),
})

export default site
