import { quote, quoteAll } from '#engine/quote.ts'
import { checkedLine, checkedMatch } from './checked.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { here } from './shell.ts'

export interface KernelModuleOptions extends DeclareOptions {
  /** Its parameters: `nf_conntrack_max=1000`. */
  readonly parameters?: string
}

interface WantedModule {
  readonly name: string
  /** What is in /etc/modules-load.d and /etc/modprobe.d; empty: no file. */
  readonly load: string
  readonly modprobe: string
  /** Undefined: either is fine. */
  readonly loaded: boolean | undefined
}

interface FoundModule extends Pick<WantedModule, 'load' | 'modprobe'> {
  /** `module`, `builtin` or `no`. */
  readonly loaded: string
  /** The kernel is another machine's. */
  readonly isContainer: boolean
}

/** Kernel modules: loaded now and at each boot, or kept out. Source: modules-load.d(5), modprobe.d(5), sysfs. */
const modules: Kind<WantedModule, FoundModule> = {
  noun: 'kernelModule',

  ...readByPerl<WantedModule, FoundModule>({
    items: 'kernel modules',
    perl: String.raw`
      my $builtin; my $container = -e "/run/systemd/container" ? 1 : "";
      sub item { my ($load, $modprobe, $name) = @_; unless (defined $builtin) { my ($release) = split /\n/, slurp("/proc/sys/kernel/osrelease") // "";
          $builtin = slurp("/lib/modules/$release/modules.builtin") // ""; $builtin =~ tr/-/_/ }
        my $how = -e "/sys/module/$name/initstate" ? "module" : -d "/sys/module/$name" || $builtin =~ m{/\Q$name\E\.ko$}m ? "builtin" : "no";
        (slurp($load) // "", slurp($modprobe) // "", $how, $container) }`,
    given: ({ name }) => [loadFile(name), modprobeFile(name), name.replaceAll('-', '_')],
    found: ([load = '', modprobe = '', loaded = '', isContainer]) =>
      known({ load, modprobe, loaded, isContainer: isContainer === '1' }),
  }),

  diff(wanted, { load, modprobe, loaded, isContainer }) {
    const isLoaded = loaded !== 'no'
    const isLeft = isContainer || wanted.loaded === undefined || (loaded === 'builtin' && !wanted.loaded)
    return [
      ...(isLeft ? [] : differs('state', yes(isLoaded), yes(wanted.loaded === true))),
      ...(load === wanted.load ? [] : differs('at boot', file(load), file(wanted.load))),
      ...(modprobe === wanted.modprobe ? [] : differs('modprobe', file(modprobe), file(wanted.modprobe))),
    ]
  },

  apply({ name, load, modprobe, loaded }, { loaded: found, isContainer }) {
    const isLeft = isContainer || loaded === undefined || (loaded ? found !== 'no' : found !== 'module')
    return [
      written(modprobeFile(name), modprobe),
      written(loadFile(name), load),
      isLeft ? '' : `modprobe ${loaded ? '' : '-r '}-- ${quote(name)}\n`,
    ].join('')
  },

  warning({ name, loaded: wanted }, { loaded, isContainer }) {
    if (wanted === undefined || wanted === (loaded !== 'no')) return undefined
    if (loaded === 'builtin') return `kernelModule ${name}: is a part of this kernel, and can’t be kept out`
    return isContainer ? `kernelModule ${name}: a container has the kernel of its machine` : undefined
  },
}

export interface DeclareKernelModule {
  (name: string, options?: KernelModuleOptions): void
  /** Capstan neither loads nor blocks it; one that is loaded stays until the next boot. */
  absent(name: string, options?: DeclareOptions): void
  /** Not loaded, and nothing can load it. */
  blocked(name: string, options?: DeclareOptions): void
}

/** `kernelModule('br_netfilter')`. */
export function kernelModule(declare: Declare): DeclareKernelModule {
  const wanted = (name: string, rest: Omit<WantedModule, 'name'>, options: DeclareOptions): void => {
    checkedMatch('the name of a kernel module', /[A-Za-z0-9_-]+/, name)
    declare(modules, { name, wanted: { name, ...rest } }, options)
  }
  return Object.assign(
    (name: string, { parameters, ...options }: KernelModuleOptions = {}): void => {
      const modprobe =
        parameters && `${managed}options ${name} ${checkedLine('parameters of a module', parameters)}\n`
      wanted(name, { load: `${managed}${name}\n`, modprobe: modprobe ?? '', loaded: true }, options)
    },
    {
      absent: (name: string, options: DeclareOptions = {}): void =>
        wanted(name, { load: '', modprobe: '', loaded: undefined }, options),
      blocked: (name: string, options: DeclareOptions = {}): void =>
        wanted(
          name,
          { load: '', modprobe: `${managed}blacklist ${name}\ninstall ${name} /bin/false\n`, loaded: false },
          options,
        ),
    },
  )
}

const managed = '# Managed by Capstan.\n'

function loadFile(name: string): string {
  return `/etc/modules-load.d/capstan-${name}.conf`
}

function modprobeFile(name: string): string {
  return `/etc/modprobe.d/capstan-${name}.conf`
}

function written(at: string, text: string): string {
  if (text === '') return `rm -f -- ${quote(at)}\n`
  // A container may have no kmod, and so none of its directories.
  return `mkdir -p -- ${quote(at.replace(/\/[^/]*$/, ''))}\n${here(`put ${quoteAll([at, '0644', 'root', 'root'])}`, text)}`
}

function file(text: string): string {
  return text === '' ? 'absent' : (text.trim().split('\n').at(-1) ?? '')
}

function yes(isLoaded: boolean): string {
  return isLoaded ? 'loaded' : 'not loaded'
}
