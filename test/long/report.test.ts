import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPrinter } from '#engine/command/printer.ts'
import { openReport } from '#engine/output/report/report.ts'
import { Secret } from '#engine/secret.ts'
import { fleetEvents } from '../output/report/fleet.ts'
import { declare } from '../sandbox/declared.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { openBrowser, openPage, timeToShow, type View } from './browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'capstan-report-'))
const path = join(folder, 'report.html')
const fleet = join(folder, 'fleet.html')
const views: readonly View[] = (['light', 'dark'] as const).flatMap(scheme => [
  { scheme, width: 1280 },
  { scheme, width: 390, height: 844 },
])
const secret = 'planted-where-it-should-not-be'
let browser: Browser
let host: Machine
beforeAll(async () => {
  browser = await openBrowser()
  host = await machine('report12', 12)
  await realRun()
})
afterAll(async () => {
  await browser?.close()
  host?.close()
  rmSync(folder, { recursive: true })
})

/** A change with differences, a failure, and what was not come to. */
async function realRun(): Promise<void> {
  new Secret(secret)
  await host.say("printf 'colour = red\\nsize = 1\\nshape = round\\n' >/srv/settings.conf; rm -rf /srv/new")
  const { exitCode, stdout, stderr } = await declare(
    host,
    [
      ['directory', '/srv', { mode: '0755' }],
      ['file', '/srv/settings.conf', { content: `colour = blue\nsize = 1\nkey = ${secret}\n` }],
      ['directory', '/srv/new'],
      ['command', ['sh', '-c', `echo ${secret} >&2; exit 3`], { creates: '/srv/never' }],
      ['file', '/srv/later', { content: 'x\n' }],
    ],
    ['--report', path],
  )
  expect(exitCode, stdout.slice(-3000) + stderr).toBe(1)
}

describe('The report of a run on a real host', () => {
  it('begins with what failed, and leads to the resources of its host.', async () => {
    const page = await openPage(browser, path)
    expect(await page.locator('h1').innerText()).toMatch(/^site on .*: 1 of 1 host failed$/)
    const [first] = await page.locator('h2').allInnerTexts()
    expect(first).toBe('Failure')
    const rows = page.locator('.rows > li')
    expect(await rows.first().locator('.status').innerText()).toBe('failed')
    expect(await page.locator('.rows .status').allInnerTexts()).not.toContain('ok')
    await page.locator('#failures').getByRole('button', { name: 'report12' }).click()
    expect(await page.locator('#host').inputValue()).toBe('report12')
    expect(await page.locator('.rows .status').allInnerTexts()).toEqual(
      expect.arrayContaining(['ok', 'skipped']),
    )
  })

  it('shows what was found and what was wanted side by side, and on a phone below each other.', async () => {
    const columns = async (view: View) => {
      const page = await openPage(browser, path, view)
      await page.getByRole('button', { name: '/srv/settings.conf' }).click()
      const removed = page.locator('td.removed:not(.number)').first()
      expect(await removed.innerText()).toBe('− colour = red')
      expect(await removed.locator('del').innerText()).toBe('red')
      const [left, right] = [
        await removed.boundingBox(),
        await page.locator('td.added:not(.number)').first().boundingBox(),
      ]
      await page.close()
      return left && right
        ? { isBeside: left.y === right.y && left.x < right.x, isBelow: left.y < right.y }
        : undefined
    }
    expect(await columns({})).toEqual({ isBeside: true, isBelow: false })
    expect(await columns({ width: 390 })).toEqual({ isBeside: false, isBelow: true })
  })

  it('filters by text, status and role, and counts what is left.', async () => {
    const page = await openPage(browser, path)
    const found = page.locator('.found')
    await page.getByLabel('Text').fill('SETTINGS changed?')
    expect(await found.innerText()).toMatch(/^0 entries of \d+$/)
    await page.getByLabel('Text').fill('SETTINGS content')
    expect(await found.innerText()).toMatch(/^1 entry of \d+$/)
    await page.getByLabel('Text').fill('')
    for (const box of await page.getByRole('checkbox').all()) await box.uncheck()
    await page.getByRole('checkbox', { name: /^skipped/ }).check()
    expect(await page.locator('.rows .resource').allInnerTexts()).toEqual(['file /srv/later'])
    await page.getByLabel('Role').selectOption('declared')
    expect(await page.locator('.rows > li').count()).toBe(1)
  })

  it('is opened and read by keyboard.', async () => {
    const page = await openPage(browser, path)
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').innerText()).toBe('Skip to the resources')
    await page.keyboard.press('Enter')
    await page.locator('.rows button').first().focus()
    await page.keyboard.press('Enter')
    expect(await page.locator(':focus').getAttribute('aria-expanded')).toBe('true')
    await page.locator('#hosts summary').focus()
    await page.keyboard.press('Space')
    expect(await page.locator('#hosts dl').innerText()).toContain('Debian GNU/Linux 12')
  })

  it('has no secret.', async () => {
    const text = readFileSync(path, 'utf8')
    expect(text).toContain('key = ***')
    expect(text).not.toContain(secret)
  })
})

describe('The report of 200 hosts with 300 resources each', () => {
  it.each([
    ['few changes', false],
    ['a first run', true],
  ])('is shown within 2 s and takes less than 2 MiB: %s', async (_, isFirstRun) => {
    const report = openReport(fleet)
    const printer = await openPrinter({ stream: { write: () => true }, env: {}, report })
    for (const event of fleetEvents({ hosts: 200, resources: 300, isFirstRun })) printer.on(event)
    printer.close()
    expect(report.end()).toBeUndefined()
    const mib = statSync(fleet).size / 2 ** 20
    const { cpu, wall } = await timeToShow(browser, fleet)
    process.stderr.write(
      `200 × 300, ${_}: ${mib.toFixed(2)} MiB, shown in ${Math.round(cpu)} ms of CPU, ${Math.round(wall)} ms\n`,
    )
    expect(mib).toBeLessThan(2)
    expect(cpu).toBeLessThan(2000)
    const page = await openPage(browser, fleet)
    for (const box of await page.getByRole('checkbox').all()) await box.check()
    expect(await page.locator('.found').innerText()).toMatch(/^5\d,\d{3} entries|^60,\d{3} entries/)
    await page.getByLabel('Text').fill('web042 nginx settings')
    expect(await page.locator('.found').innerText()).toMatch(/^85 entries/)
    await page.close()
  })
})

describe.each(views)('Seen by axe, $scheme, $width px wide,', view => {
  const violations = async (page: Page) => {
    // In an isolated world: the policy of the page allows no script but its own.
    const context = await page.context().newCDPSession(page)
    const { frameTree } = await context.send('Page.getFrameTree')
    const world = { frameId: frameTree.frame.id, worldName: 'axe' }
    const { executionContextId: contextId } = await context.send('Page.createIsolatedWorld', world)
    const expression = `${axe.source}; axe.run().then(({ violations, passes }) => JSON.stringify({ passes: passes.length, violations }))`
    const { result } = await context.send('Runtime.evaluate', { expression, contextId, awaitPromise: true })
    return JSON.parse(result.value) as {
      passes: number
      violations: { id: string; nodes: { html: string }[] }[]
    }
  }

  it.each([
    ['the real run', () => path],
    ['the fleet', () => fleet],
  ])('%s breaks no rule, with all of it opened.', async (_, file) => {
    const page = await openPage(browser, file(), view)
    for (const box of await page.getByRole('checkbox').all()) await box.check()
    for (const row of (await page.locator('button.row').all()).slice(0, 12)) await row.click()
    for (const summary of (await page.locator('summary').all()).slice(0, 3)) await summary.click()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(view.width)
    const { passes, violations: found } = await violations(page)
    expect(
      found.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .map(({ html }) => html)
            .slice(0, 3)
            .join(' ')}`,
      ),
    ).toEqual([])
    expect(passes).toBeGreaterThan(20)
    await page.close()
  })

  it('would find text that is too pale, and a field without a label.', async () => {
    const page = await openPage(browser, path, view)
    await page.evaluate(`document.querySelector('.found').style.color = 'color-mix(in srgb, gray 30%, Canvas)'
      document.querySelector('label[for=text]').remove()`)
    const { violations: found } = await violations(page)
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'label']))
    await page.close()
  })
})
