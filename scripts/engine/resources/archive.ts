import { quote } from '#engine/quote.ts'
import { checkedSha256, checkedUrl } from './download.ts'
import type { Declare } from './resource.ts'
import { type TreeOptions, trees, wantedTree } from './unpacked.ts'

export interface ArchiveOptions extends TreeOptions {
  /** Of a `.tar`, `.tar.gz`, `.tgz`, `.tar.xz`, `.tar.bz2` or `.tar.zst`. */
  readonly url: string
  readonly sha256: string
  /** Leading folders of the names in it that are left away; 0 by default. */
  readonly strip?: number
}

const archives = trees('archive')

/** `archive('/opt/tool', { url: 'https://…/tool-1.2.tar.gz', sha256: '…', strip: 1 })`; `file.absent` removes it. */
export function archive(declare: Declare) {
  return (path: string, { url, sha256, strip = 0, owner, group, ...options }: ArchiveOptions): void => {
    checkedUrl(url)
    if (!/\.(tar(\.(gz|xz|bz2|zst))?|tgz)$/.test(url.replace(/[?#].*$/, '')))
      throw new RangeError(`expected the address of a tar archive, got ${JSON.stringify(url)}`)
    if (!Number.isInteger(strip) || strip < 0)
      throw new RangeError(`expected a number of folders, got ${strip}`)
    const sum = checkedSha256(sha256)
    const fill = `packed="$new.tar"; trap 'rm -rf -- "$new" "$packed"' EXIT
download ${quote(url)} ${sum} "$packed" 0600 root root
tar -C "$new" -x --no-same-owner --no-same-permissions --delay-directory-restore --strip-components=${strip} -f "$packed"
`
    const wanted = { ...wantedTree(path, { ...(owner && { owner }), ...(group && { group }) }), fill }
    declare(
      archives,
      { name: path, wanted: { ...wanted, id: `sha256 ${sum.slice(0, 12)}, strip ${strip}` } },
      options,
    )
  }
}
