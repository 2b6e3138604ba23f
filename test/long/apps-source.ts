import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { page } from '../docs/pages.ts'
import { root } from '../sandbox/machine.ts'

// The apps of docs/apps.md as folders, and its inventory as vars. What the page takes from elsewhere comes from packages of Debian here.

const text = page('docs/apps.md')

export const secrets: Readonly<Record<string, string>> = {
  BLOG_DB_PASSWORD: "of-blog's $(database)",
  BLOG_SECRET: 'a-secret-of-the-blog-0123456789',
  BLOG_ADMIN_PASSWORD: "of the admin's é",
  DESK_DB_PASSWORD: 'of ${desk} "database" #1',
  DESK_APP_KEY: `base64:${Buffer.from('a-secret-of-the-desk-of-32-bytes').toString('base64')}`,
  SHOP_DB_PASSWORD: 'of-shop"s-database',
  SHOP_SECRET: 'a-secret-of-the-shop-0123456789',
}

const django = {
  'apps/shop/manage.py': `import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`,
  'apps/shop/shop/__init__.py': '',
  'apps/shop/shop/wsgi.py': `import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
`,
}

/** Writes all apps of the page below `folder`, with `more` files. */
export function writeApps(folder: string, more: Readonly<Record<string, string>>): void {
  // In place of what `composer create-project` makes; the files of the page come on top.
  cpSync(join(root, 'test/fixtures/laravel'), join(folder, 'apps/desk'), { recursive: true })
  const files = [...text.matchAll(/`(apps\/[^`]+)`([^`]*):\n```\w+\n([\s\S]*?)```/g)]
  for (const [, path = '', said = '', file = ''] of files) {
    write(folder, path, file)
    if (said.includes('(executable)')) chmodSync(join(folder, path), 0o755)
  }
  for (const [path, file] of Object.entries({ ...django, ...more })) write(folder, path, file)
  wordpress(join(folder, 'apps/blog/public'), join(fetched(folder), 'usr/share/wordpress'))
  for (const [, target = '', path = ''] of text.matchAll(/^ln -s (\S+) (\S+)$/gm))
    symlinkSync(target, join(folder, path))
  execFileSync('npm', ['install', '--silent', '--package-lock-only'], { cwd: join(folder, 'apps/api') })
}

function write(folder: string, path: string, file: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), file)
}

function wordpress(blog: string, from: string): void {
  cpSync(from, blog, { recursive: true, force: false })
  // Debian has parts of it in packages of their own.
  execFileSync('find', [blog, '-xtype', 'l', '-delete'])
  execFileSync('cp', [
    ...['-L', '--remove-destination', '/etc/ssl/certs/ca-certificates.crt'],
    join(blog, 'wp-includes/certificates/ca-bundle.crt'),
  ])
  rmSync(join(blog, 'wp-content/uploads'), { recursive: true, force: true })
}

/** The files of Debian packages, unpacked: WordPress, and Django for the build. */
function fetched(folder: string): string {
  const into = join(folder, 'packages')
  mkdirSync(into)
  const names = [
    ...['wordpress', 'wordpress-theme-twentytwentythree', 'libjs-jquery'],
    ...['python3-django', 'python3-asgiref', 'python3-sqlparse', 'python3-tz'],
  ]
  execFileSync('apt-get', ['download', '-q', ...names], { cwd: into, stdio: 'ignore' })
  execFileSync('sh', ['-c', 'for each in *.deb; do dpkg -x "$each" .; done'], { cwd: into })
  return into
}

interface Site {
  readonly app: {
    node?: Record<string, unknown>
    readonly release: { source: string; build?: string; install?: { packages: readonly string[] } }
  }
}

/** The vars of the page’s inventory, with its secrets, and with sources and builds in `folder`. */
export function inventoryVars(folder: string): { readonly sites: Readonly<Record<string, Site>> } {
  const inventory = /```yaml\n# inventory\/apps.yml\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const { vars } = parse(inventory, {
    customTags: [{ tag: '!secret', resolve: (name: string) => secrets[name] ?? '' }],
  }) as { vars: { sites: Record<string, Site> } }
  const modules = join(folder, 'packages/usr/lib/python3/dist-packages')
  for (const { app } of Object.values(vars.sites)) {
    const { release } = app
    release.source = join(folder, release.source)
    if (release.build) release.build = `cd ${folder} && export PYTHONPATH=${modules} && ${release.build}`
    // Composer takes laravel/framework from a folder of the app, which leads to this package.
    if (release.install) release.install.packages = [...release.install.packages, 'php-laravel-framework']
  }
  const { api } = vars.sites
  if (api) api.app.node = { ...api.app.node, listens: 'port' }
  return vars
}
