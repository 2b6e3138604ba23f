import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './machine.ts'

/** A repository on "GitHub": what is pushed to it, and how a runner checks it out. */
export interface Origin {
  /** Commits files and gives the commit. */
  push(subject: string, files: Readonly<Record<string, string>>): string
  text(path: string): string
  checkout(sha: string, workspace: string): void
  remove(): void
}

/** A repository with this project's files as they are now, in one commit. */
export function originOf(files: Readonly<Record<string, string>>): Origin {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-origin-'))
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=octocat', '-c', 'user.email=octocat@foobar.com', ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString()
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
  }).toString()
  for (const file of listed.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    // A file that git still lists may have gone meanwhile.
    cpSync(join(root, file), join(folder, file), { force: true, errorOnExist: false })
  }
  git('init', '--quiet', '--initial-branch=main')
  const push = (subject: string, more: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(more)) writeFileSync(join(folder, file), text)
    git('add', '--all')
    git('commit', '--quiet', '--allow-empty', '--message', subject)
    return git('rev-parse', 'HEAD').trim()
  }
  push('The site', files)
  return {
    push,
    text: path => readFileSync(join(folder, path), 'utf8'),
    checkout: (sha, workspace) => {
      execFileSync('git', ['clone', '--quiet', folder, workspace])
      execFileSync('git', ['checkout', '--quiet', '--detach', sha], { cwd: workspace })
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
