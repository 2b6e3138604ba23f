import { bytes, choice, duration, flag, group, integer, list, path, text, vars } from '#engine/vars.ts'

export default vars(
  {
    ipv6: flag({ default: true, is: 'also listen on IPv6; set to false if the kernel has no IPv6' }),
    body: bytes({ default: '16m', is: 'largest request body; a larger one gets 413' }),
    connections: integer({
      min: 64,
      max: 65_535,
      default: 4096,
      is: 'number of concurrent connections per CPU',
    }),
    timeouts: group({
      app: duration({ default: '60s', is: 'time without data from the app before the client gets 504' }),
      client: duration({ default: '15s', is: 'time without data from the client during a request' }),
      keepalive: duration({ default: '65s', is: 'time that an idle connection stays open' }),
    }),
    cache: group({
      files: integer({
        min: 0,
        default: 3600,
        is: 'seconds that browsers cache a file of public/',
      }),
      immutable: list(path(), {
        default: [],
        is: 'folders of public/ whose files never change, such as /build; files with a hash in their name are always treated so',
      }),
    }),
    hsts: group({
      seconds: integer({
        min: 0,
        default: 31_536_000,
        is: 'max-age of Strict-Transport-Security, in seconds; 0 withdraws it',
      }),
      subdomains: flag({ default: false, is: 'includeSubDomains: applies to all subdomains as well' }),
      preload: flag({
        default: false,
        is: 'preload: allows browsers to ship the domain in their preload list; requires subdomains and is hard to undo',
      }),
    }),
    frames: choice(['same-origin', 'none'], {
      default: 'same-origin',
      is: 'which sites may show this one in a frame; a header set by the app takes precedence',
    }),
    referrer: choice(
      [
        'strict-origin-when-cross-origin',
        'same-origin',
        'strict-origin',
        'no-referrer',
        'origin-when-cross-origin',
      ],
      {
        default: 'strict-origin-when-cross-origin',
        is: 'value of Referrer-Policy; a header set by the app takes precedence',
      },
    ),
    directives: list(text(), {
      default: [],
      is: 'lines of nginx configuration, added to the server block of the site unchanged',
    }),
  },
  { ofSite: ['body', 'cache', 'hsts', 'frames', 'referrer', 'directives'] },
)
