import { describe, expect, it } from 'vitest'
import { refuseOtherSite } from '#engine/converge/other-site.ts'

const shop = { app: 'shop', domain: 'shop.com' }
const blog = { app: 'blog', domain: 'blog.com' }

describe('a host that is set up for a site', () => {
  it('is refused to another one, with the names of both and what to do', () => {
    expect(() => refuseOtherSite('web1', shop, blog)).toThrow(
      expect.objectContaining({
        code: 'other-site',
        message:
          'web1: it is set up for the site shop.com (app shop), and the inventory has the site blog.com (app blog)',
        hint: expect.stringContaining('-e site.replaces=shop.com'),
      }),
    )
  })

  it.each([
    ['another domain of the same app', { ...shop, domain: 'shop.org' }],
    ['another app of the same domain', { ...shop, app: 'shop2' }],
    ['a site that replaces a third one', { ...blog, replaces: 'other.com' }],
  ])('is refused to %s', (_what, wanted) => {
    expect(() => refuseOtherSite('web1', shop, wanted)).toThrow('web1: it is set up for')
  })

  it.each([
    ['its own', shop, shop],
    ['the first one', undefined, blog],
    ['one that replaces it', shop, { ...blog, replaces: 'shop.com' }],
  ])('is given to %s', (_what, found, wanted) => {
    expect(() => refuseOtherSite('web1', found, wanted)).not.toThrow()
  })
})
