import { quoteAll } from '#engine/quote.ts'
import { checkedMatch, checkedPath } from './checked.ts'
import { type AttributeOptions, attributes } from './file.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, differs, type Kind, known } from './resource.ts'

export interface DownloadOptions extends AttributeOptions {
  readonly url: string
  /** Of the content, in hex. */
  readonly sha256: string
}

interface WantedDownload {
  readonly path: string
  readonly url: string
  readonly sha256: string
  readonly mode: string
  readonly owner: string
  readonly group: string
}

interface FoundDownload extends Pick<WantedDownload, 'mode' | 'owner' | 'group'> {
  readonly type: 'file' | 'absent' | 'other'
  readonly sha256: string
}

/** Files from elsewhere, known by their hash. Source: lstat(2), sha256sum(1). */
const downloads: Kind<WantedDownload, FoundDownload> = {
  noun: 'download',

  ...readByPerl<WantedDownload, FoundDownload>({
    items: 'downloads',
    perl: `
      my %sum; sub before { %sum = sha256(grep { -f $_ && !-l $_ } map { $$_[0] } @_) }
      sub item { my ($path) = @_; my @s = lstat $path or return ("absent", "", "", "", ""); return ("other", "", "", "", "") unless -f _;
        ("file", (sprintf "%04o", $s[2] & 07777), getpwuid($s[4]) // $s[4], getgrgid($s[5]) // $s[5], $sum{$path} // "") }`,
    given: ({ path }) => [path],
    found: ([type = '', mode = '', owner = '', group = '', sha256 = '']) =>
      known({ type: type as FoundDownload['type'], mode, owner, group, sha256 }),
  }),

  diff(wanted, found) {
    if (found.type !== 'file') return differs('state', found.type, 'file')
    return [
      ...differs('sha256', found.sha256.slice(0, 12), wanted.sha256.slice(0, 12)),
      ...differs('mode', found.mode, wanted.mode),
      ...differs('owner', found.owner, wanted.owner),
      ...differs('group', found.group, wanted.group),
    ]
  },

  apply({ path, url, sha256, mode, owner, group }, found) {
    const attributes = quoteAll([path, mode, owner, group])
    return found.sha256 === sha256
      ? `attributes ${attributes}\n`
      : `download ${quoteAll([url, sha256])} ${attributes}\n`
  },
}

/** `download('/usr/local/bin/tool', { url: 'https://…', sha256: '…', mode: '0755' })`; `file.absent` removes it. */
export function download(declare: Declare) {
  return (path: string, { url, sha256, ...options }: DownloadOptions): void => {
    const { mode, owner, group, ...rest } = options
    const wanted = {
      path: checkedPath(path),
      url: checkedUrl(url),
      sha256: checkedSha256(sha256),
      ...attributes({ ...(mode && { mode }), ...(owner && { owner }), ...(group && { group }) }, '0644'),
    }
    declare(downloads, { name: path, wanted }, rest)
  }
}

/** An address that apt's methods fetch. It is seen in the process list of the host. */
export function checkedUrl(url: string): string {
  if (url.includes('***')) throw new RangeError('a secret in an address would be seen in the process list')
  return checkedMatch('an address such as https://…', /https?:\/\/[\x21-\x7e]+/, url)
}

export function checkedSha256(sha256: string): string {
  return checkedMatch('a sha256 of 64 hex digits', /[0-9a-f]{64}/, sha256.toLowerCase())
}
