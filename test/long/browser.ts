import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'

export interface View {
  readonly width?: number
  readonly height?: number
  readonly scheme?: 'light' | 'dark'
}

/** The machine's own Chromium. Throws where it has none: a page that nobody opened is not proven. */
export function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
  if (!existsSync(executablePath))
    throw new Error(
      `this needs Chromium, and there is none at ${executablePath}: apt-get install chromium, or set CHROMIUM to its path`,
    )
  // Chromium does not start as root with its sandbox, and it opens nothing but our own file.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** The page of a file. Throws for any error and any warning of the page, and for a request that leaves the file. */
export async function openPage(browser: Browser, path: string, view: View = {}): Promise<Page> {
  const { width = 1280, height = 900, scheme = 'light' } = view
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme })
  const problems: string[] = []
  page.on('pageerror', error => problems.push(error.message))
  page.on('console', message => problems.push(message.text()))
  page.on('request', request => {
    if (request.url() !== pathToFileURL(path).href) problems.push(`asks for ${request.url()}`)
  })
  await page.goto(pathToFileURL(path).href)
  await page.locator('#resources').waitFor()
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return page
}

/**
 * What it takes to show a page, in ms to the first frame with content, all of which the script of the page makes at once:
 * CPU time of the page's thread, which other work on the machine doesn't lengthen, and time on the wall.
 */
export async function timeToShow(
  browser: Browser,
  path: string,
): Promise<{ readonly cpu: number; readonly wall: number }> {
  const page = await browser.newPage()
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.goto(pathToFileURL(path).href)
  await page.waitForFunction('performance.getEntriesByName("first-contentful-paint").length > 0')
  const wall = await page.evaluate<number>(
    'performance.getEntriesByName("first-contentful-paint")[0].startTime',
  )
  const { metrics } = await session.send('Performance.getMetrics')
  const cpu = metrics.find(({ name }) => name === 'TaskDuration')?.value
  await page.close()
  if (cpu === undefined) throw new Error('Chromium gives no TaskDuration')
  return { cpu: cpu * 1000, wall }
}
