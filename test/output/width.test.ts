import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutTo, displayWidth, foldTo, padTo, shortenTo, wrapTo } from '#engine/output/width.ts'

describe('The width of text on a terminal', () => {
  test.each([
    ['', 0],
    ['nginx', 5],
    ['→ é …', 5],
    ['e\u0301', 1],
    ['日本', 4],
    ['한국', 4],
    ['🚀', 2],
    ['\x1b[31mred\x1b[39m', 3],
  ])('of %j is %d columns.', (text, width) => expect(displayWidth(text)).toBe(width))

  test.each([
    ['template /etc/nginx/sites-available/site.conf', 32, 'template /etc/nginx…es/site.conf'],
    ['template /etc/nginx/sites-available/site.conf', 20, 'template …/site.conf'],
    ['web1', 4, 'web1'],
  ])('of %j can be shortened to %i, its end kept.', (text, width, shortened) => {
    expect(displayWidth(shortenTo(text, width))).toBe(Math.min(width, displayWidth(text)))
    if (width < 32) expect(shortenTo(text, width)).toBe(shortened)
  })

  test('is never over what it was cut to, and text that fits is not touched.', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, width) => {
        expect(displayWidth(cutTo(text, width))).toBeLessThanOrEqual(width)
        if (displayWidth(text) <= width) expect(cutTo(text, width)).toBe(text)
        expect(displayWidth(shortenTo(text, width))).toBeLessThanOrEqual(width)
        for (const line of [...wrapTo(text, width + 2), ...foldTo(text, width + 2)])
          expect(displayWidth(line)).toBeLessThanOrEqual(width + 2)
        expect(foldTo(text, width + 2).join('')).toBe(text)
        expect(displayWidth(padTo(text, width))).toBe(Math.max(width, displayWidth(text)))
      }),
    )
  })
})
