import { bytes, choice, duration, flag, group, integer, list, path, text, vars } from '#engine/vars.ts'

export default vars({
  ipv6: flag({ default: true, is: 'listen on IPv6 as well; false where the kernel has none' }),
  body: bytes({ default: '16m', is: 'the largest request body; a larger one gets 413' }),
  connections: integer({ min: 64, max: 65_535, default: 4096, is: 'connections at once, for each CPU' }),
  timeouts: group({
    app: duration({ default: '60s', is: 'how long the app may be silent before the visitor gets 504' }),
    client: duration({ default: '15s', is: 'how long a client may be silent in the middle of a request' }),
    keepalive: duration({ default: '65s', is: 'how long an idle connection is kept open' }),
  }),
  cache: group({
    files: integer({
      min: 0,
      default: 3600,
      is: 'seconds that a browser keeps a file of public/ before it asks again',
    }),
    immutable: list(path(), {
      default: [],
      is: 'folders of public/ whose files never change, such as /build; names with a hash are known without it',
    }),
  }),
  hsts: group({
    seconds: integer({
      min: 0,
      default: 31_536_000,
      is: 'how long browsers come by HTTPS alone; 0 takes it back',
    }),
    subdomains: flag({ default: false, is: 'all names below these as well' }),
    preload: flag({
      default: false,
      is: 'browsers may have it built in; needs subdomains and is hard to undo',
    }),
  }),
  frames: choice(['same-origin', 'none'], {
    default: 'same-origin',
    is: 'who may show the site in a frame; a header of the app’s own wins, as with the next',
  }),
  referrer: choice(
    [
      'strict-origin-when-cross-origin',
      'same-origin',
      'strict-origin',
      'no-referrer',
      'origin-when-cross-origin',
    ],
    { default: 'strict-origin-when-cross-origin', is: 'what other sites learn of the page a link was on' },
  ),
  directives: list(text(), {
    default: [],
    is: 'lines of nginx’s own language, added to the site’s server block as they are',
  }),
})
