import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Finds `roles/nginx/role.ts:21` in the stack, only when it is asked for: formatting a stack is slow. */
export function callSite(): () => string {
  const error = new Error('declared here')
  return () => siteIn(error.stack ?? '') ?? 'roles'
}

/** The first place outside the engine in a stack: `roles/nginx/role.ts:21`; undefined where there is none. */
export function siteIn(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const match = /^\s+at (?:async )?(?:[^(]*\()?((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/.exec(line)
    if (!match?.[1]) continue
    const file = match[1].startsWith('file:') ? fileURLToPath(match[1].replace(/\?.*$/, '')) : match[1]
    if (file.startsWith(engine) || file.includes('/node_modules/')) continue
    return `${relative(process.cwd(), file)}:${match[2]}`
  }
  return undefined
}

const engine = fileURLToPath(new URL('./', import.meta.url))
