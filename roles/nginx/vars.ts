import {
  bytes,
  choice,
  duration,
  flag,
  group,
  integer,
  list,
  optional,
  path,
  record,
  seconds,
  secret,
  text,
  vars,
} from '#engine/vars.ts'

const urlPath = text({
  pattern: /\/[A-Za-z0-9._~%/-]*/,
  max: 1024,
  expects: 'a path such as /old, or /blog/ for all that begins so',
})

// Characters that nginx, in a rewrite, and HTTP have no use for of their own.
const target = text({
  pattern: /(https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?)?\/[A-Za-z0-9._~%/?=&+-]*/,
  max: 1024,
  expects: 'a path or a whole URL such as https://www.example.com/',
})

const backend = text({
  pattern: /https?:\/\/([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?/,
  max: 300,
  expects: 'a server such as http://127.0.0.1:9000, without a path',
})

const folderPath = text({
  pattern: /\/([A-Za-z0-9_~-][A-Za-z0-9._~-]*\/)+/,
  max: 1024,
  expects: 'a path that begins and ends with /, such as /media/',
})

const sharedFolder = text({
  pattern: /[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/,
  expects: 'a folder of shared/, such as media or storage/public',
})

const cookie = text({
  pattern: /[A-Za-z0-9_.-]+\*?/,
  max: 128,
  expects: 'the name of a cookie, or how names begin, such as _ga*',
})

const userName = text({
  pattern: /[A-Za-z0-9._@-]+/,
  max: 64,
  expects: 'a name of letters, digits, ., _, @ or -',
})

const network = text({
  pattern: /[0-9.]{7,15}(\/\d{1,2})?|[0-9a-f:]{2,39}(\/\d{1,3})?/,
  expects: 'an address or a network such as 203.0.113.0/24',
})

export default vars(
  {
    ipv6: flag({ default: true, is: 'also listen on IPv6; set to false if the kernel has no IPv6' }),
    body: bytes({
      default: ({ site }) => site.upload,
      is: 'largest request body; a larger one gets 413; default: site.upload',
    }),
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
      pages: optional(
        seconds({
          is: 'how long nginx keeps pages of the app that set no Cache-Control of their own, for visitors without cookies; each release has its own pages; unset: not at all',
        }),
      ),
      cookies: list(cookie, {
        default: [],
        is: 'cookies that make no difference to a page, such as _ga*; a visitor with any other one is never given a kept page',
      }),
      size: bytes({ default: '256m', is: 'disk space that the kept pages of a site may take' }),
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
    redirects: record(target, {
      keys: urlPath,
      default: {},
      is: 'permanent redirects: { /old: /new, /blog/: "https://blog.example/" }; a path that ends with / redirects all that begins so, with what follows it',
    }),
    proxies: record(backend, {
      keys: urlPath,
      default: {},
      is: 'paths that another server answers: { /api/: "http://127.0.0.1:9000" }; the path is handed on as it is',
    }),
    folders: record(
      group({
        folder: sharedFolder,
        download: flag({
          default: false,
          is: 'browsers save the files instead of showing them: for files that visitors upload',
        }),
      }),
      {
        keys: folderPath,
        default: {},
        is: 'folders of shared/ that nginx serves: { /media/: { folder: media } }; no script in them is run',
      },
    ),
    scripts: flag({
      default: false,
      is: 'run the .php file of public/ that is asked for, as WordPress needs it; default: public/index.php answers everything',
    }),
    passwords: record(record(secret(), { keys: userName }), {
      keys: urlPath,
      default: {},
      is: 'paths that ask for a name and a password: { /admin/: { ann: !secret ANN_PASSWORD } }; a path that ends with / protects all that begins so, and / the whole site',
    }),
    open: list(urlPath, {
      default: ['/health'],
      is: 'paths that ask for no password in spite of passwords: the health check has to be one of them',
    }),
    limits: group({
      requests: optional(
        integer({
          min: 1,
          max: 100_000,
          is: 'requests per second that one address may make on average; more get 429; unset: any number',
        }),
      ),
      burst: integer({
        min: 0,
        max: 100_000,
        default: 50,
        is: 'requests beyond that which are taken at once',
      }),
      connections: optional(
        integer({
          min: 1,
          max: 100_000,
          is: 'requests that one address may have in progress; more get 429; unset: any number',
        }),
      ),
    }),
    proxied: group({
      from: list(network, {
        default: [],
        is: 'balancers and CDNs in front of this host: the client’s address is then taken from header, and from no one else’s',
      }),
      header: choice(['X-Forwarded-For', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP'], {
        default: 'X-Forwarded-For',
        is: 'header in which they send the client’s address',
      }),
    }),
    brotli: flag({
      default: false,
      is: 'also compress with brotli, and serve .br files of public/; needs Debian 12, Ubuntu 24.04 or later',
    }),
    directives: list(text(), {
      default: [],
      is: 'lines of nginx configuration, added to the server block of the site unchanged',
    }),
  },
  {
    ofSite: [
      'body',
      'cache',
      'hsts',
      'frames',
      'referrer',
      'redirects',
      'proxies',
      'folders',
      'scripts',
      'passwords',
      'open',
      'limits',
      'directives',
    ],
  },
)
