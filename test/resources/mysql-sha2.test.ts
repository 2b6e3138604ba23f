import { expect, it } from 'vitest'
import { makingOf, sha2Hash } from '#engine/resources/mysql/sha2.ts'

// Source: CREATE USER … IDENTIFIED BY on MySQL 9.7.4, HEX(authentication_string).
it.each([
  [
    "p&a'ss",
    '244124303041243D565215561723487277632214257E3F203D304A566A7635314973595432734F56737A7673706C4C6D4C345A2F724231314F446255416B66476D4F4B784D32',
  ],
  [
    'é😀 x',
    '2441243030412433021A665A4B46064B77373F5D3661307B0B1544476C616141464A575349496C6C547558516A75362F38765631594A4D633338792F76384962685867705333',
  ],
  [
    'x'.repeat(100),
    '244124303041243C7C70023B20582D7E6C6345293045452D635C672E46424B716F73456D6E65576E4B63512F5A76495A37477A5875485565567A64412F50513857504A6A352F',
  ],
  [
    'mypass',
    '24412430304124152915352D257640014C055E2114662D0817214145526A67496248757361374730466B7678365966726B346D74617167567346552F54727275632F32766C35',
  ],
])('The hash of %s is the one that MySQL made with the same salt.', (password, hex) => {
  const made = Buffer.from(hex, 'hex').toString('latin1')
  const making = makingOf(made)
  expect(making).toMatchObject({ thousands: 10 })
  expect(sha2Hash(password, making)).toBe(made)
  expect(sha2Hash(`${password} `, making)).not.toBe(made)
})

it('A new hash has a salt of its own.', () => {
  const [one, other] = [sha2Hash('mypass'), sha2Hash('mypass')]
  expect(one).toMatch(/^\$A\$005\$[./0-9A-Za-z]{63}$/)
  expect(other).not.toBe(one)
  expect(sha2Hash('mypass', makingOf(one))).toBe(one)
})

it.each([
  '',
  '$A$006$',
  `$A$005$${'x'.repeat(62)}`,
  `$A$FFF$${'x'.repeat(63)}`,
  '*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4',
])('%j is no such hash.', text => {
  expect(makingOf(text)).toBeUndefined()
})
