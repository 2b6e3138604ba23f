import { describe, expect, it } from 'vitest'
import { removalNotes, removedSites } from '#engine/converge/other-site.ts'

const set = (app: string, isRemoved = false) => ({ app, domain: `${app}.com`, isRemoved })
const [shop, blog] = [set('shop'), set('blog')]

describe('a host that is set up for a site', () => {
  it('is refused to another one, with the names of both and what to do', () => {
    expect(() => removedSites('web1', [shop], [blog])).toThrow(
      expect.objectContaining({
        code: 'other-site',
        message:
          'web1: it is set up for the site shop.com (app shop), and the inventory has the site blog.com (app blog)',
        hint: expect.stringMatching(/list both under sites\..*-e site\.replaces=shop\.com/),
      }),
    )
  })

  it.each([
    ['another domain of the same app', [{ ...shop, domain: 'shop.org' }]],
    ['another app of the same domain', [{ ...shop, app: 'shop2' }]],
    ['a site that replaces a third one', [{ ...blog, replaces: 'other.com' }]],
    ['another domain of the same app beside a site of its own', [{ ...shop, domain: 'shop.org' }, blog]],
  ])('is refused to %s', (_what, wanted) => {
    expect(() => removedSites('web1', [shop, ...(wanted.length > 1 ? [blog] : [])], wanted)).toThrow(
      'web1: it is set up for',
    )
  })

  it.each([
    ['its own', [shop], [shop]],
    ['the first one', [], [blog]],
    ['one that replaces it', [shop], [{ ...blog, replaces: 'shop.com' }]],
    ['its own and a further one', [shop], [shop, blog]],
  ])('is given to %s, and none is removed', (_what, found, wanted) => {
    expect(removedSites('web1', found, wanted)).toEqual([])
  })
})

it('A site that is no longer wanted beside others is a removed one, and stays so.', () => {
  const removed = set('blog', true)
  const kept = [{ ...removed, isPurged: false }]
  expect(removedSites('web1', [shop, blog], [shop])).toEqual(kept)
  expect(removedSites('web1', [shop, removed], [shop])).toEqual(kept)
})

it('A site that is removed is warned of once, with the command that deletes it, unless it is purged.', () => {
  const found = [shop, blog, set('old', true)]
  const notes = (purge: readonly string[]) =>
    removalNotes(found, removedSites('web1', found, [shop], purge), purge)
  expect(notes([])).toEqual([
    expect.stringMatching(/^blog is no longer in the inventory: .*site\.mjs --purge blog$/),
  ])
  expect(notes(['blog', 'old'])).toEqual([])
  expect(removedSites('web1', found, [shop], ['old'])).toEqual([
    { ...set('blog', true), isPurged: false },
    { ...set('old', true), isPurged: true },
  ])
  expect(notes(['blog', 'shop', 'olt'])).toEqual([
    '--purge shop: this host has no removed site of that name',
    '--purge olt: this host has no removed site of that name',
  ])
})

it('A site that was removed can come back, and be the only one.', () => {
  expect(removedSites('web1', [shop, set('blog', true)], [shop, blog])).toEqual([])
  expect(removedSites('web1', [set('blog', true)], [blog])).toEqual([])
})

it('The data of a site that was removed is not given to another domain of the same name.', () => {
  const found = [shop, set('blog', true)]
  const renamed = { app: 'blog', domain: 'blog.org' }
  expect(() => removedSites('web1', found, [shop, renamed])).toThrow('it is set up for the site blog.com')
  expect(removedSites('web1', found, [shop, { ...renamed, replaces: 'blog.com' }])).toEqual([])
})
