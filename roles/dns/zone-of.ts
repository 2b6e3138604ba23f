/** The domain of the zone that a name lies in: of several, the widest. */
export function zoneOf(name: string, domains: readonly string[]): string | undefined {
  const around = domains.filter(domain => name === domain || name.endsWith(`.${domain}`))
  return around.sort((a, b) => a.length - b.length)[0]
}
