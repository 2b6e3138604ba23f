/** The Debian releases that Capstan manages and the sandbox has. */
export const debianReleases = [12, 13, 'sid'] as const

export type DebianRelease = (typeof debianReleases)[number]

/** Their names in the archive. */
export const codenames: Readonly<Record<DebianRelease, string>> = { 12: 'bookworm', 13: 'trixie', sid: 'sid' }

/** The systems that Capstan manages. Source: ID and VERSION_ID of os-release(5); `sid` has no VERSION_ID. */
export const systems = [
  ...debianReleases.map(release => `debian ${release}` as const),
  'ubuntu 22.04',
  'ubuntu 24.04',
] as const

export type System = (typeof systems)[number]

/** `12, 13 and sid` */
export function releasesInWords(conjunction: 'and' | 'or'): string {
  return `${debianReleases.slice(0, -1).join(', ')} ${conjunction} ${debianReleases.at(-1)}`
}

/** The release of this name, `13` or `sid`; absent if the sandbox does not have it. */
export function releaseNamed(name: string): DebianRelease | undefined {
  return debianReleases.find(each => String(each) === name)
}
