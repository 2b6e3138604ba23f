import { quote } from '#engine/quote.ts'
import { checkedMatch } from './checked.ts'
import type { Declare } from './resource.ts'
import { type TreeOptions, trees, wantedTree } from './unpacked.ts'

export interface GitOptions extends TreeOptions {
  /** `https://github.com/owner/name.git`, `ssh://…`, `git@host:path` or `file:///…`. */
  readonly repository: string
  /** The whole id: a branch or a tag may mean another commit tomorrow. */
  readonly commit: string
}

const checkouts = trees('git')

/** `git('/opt/tool', { repository: 'https://…', commit: '…' })`: the files of a commit; `file.absent` removes them. */
export function git(declare: Declare) {
  return (path: string, { repository, commit, owner, group, ...options }: GitOptions): void => {
    const id = checkedMatch('the whole id of a commit', /[0-9a-f]{40}|[0-9a-f]{64}/, commit)
    checkedMatch(
      'the address of a repository such as https://… or file:///…',
      /(https?|ssh|git|file):\/\/[\x21-\x7e]+|[\w.-]+@[\w.-]+:[\x21-\x7e]+/,
      repository,
    )
    if (repository.includes('***'))
      throw new RangeError('a secret in the address of a repository would be seen in the process list')
    const fill = `git_files ${quote(repository)} ${id} "$new"\n`
    const wanted = { ...wantedTree(path, { ...(owner && { owner }), ...(group && { group }) }), fill }
    declare(checkouts, { name: path, wanted: { ...wanted, id } }, options)
  }
}
