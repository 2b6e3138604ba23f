import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { role } from '#engine/converge/role.ts'
import { algorithms } from './algorithms.ts'
import { blockedModules, kernelSettings, reversePathFilter, swapSize } from './kernel.ts'
import { refuseLockout } from './lockout.ts'
import { loginDefaults } from './login.ts'
import vars, { keyOf } from './vars.ts'

/** What a server has whatever runs on it. The first role: what comes after is installed behind its firewall. */
export default role(import.meta, {
  vars,
  tasks({ vars, facts, host, handler, ...declared }) {
    const {
      apt,
      aptSource,
      authorizedKey,
      command,
      configSet,
      directory,
      file,
      firewall,
      hostname,
      kernelModule,
      lineInFile,
      locale,
    } = declared
    const { service, sudoers, swap, sysctl, template, timer, timezone, user } = declared
    refuseLockout(host.name, vars.ssh, vars.deploy, facts.ssh)

    for (const [name, { uri, ...source }] of Object.entries(vars.sources))
      aptSource(name, { ...source, uris: uri, key: keyOf(source) })
    if (vars.hostname !== undefined) hostname(vars.hostname)
    apt('tzdata')
    timezone(vars.timezone)
    if (vars.locale !== 'C.UTF-8') apt('locales')
    locale(vars.locale, { default: true })

    for (const path of ['/etc/issue', '/etc/issue.net']) file(path, { content: banner })
    const { coreDumps } = vars
    for (const [path, content] of Object.entries(withoutCoreDumps)) {
      if (coreDumps) file.absent(path)
      else {
        directory(dirname(path))
        file(path, { content })
      }
    }
    for (const [name, value] of Object.entries(loginDefaults(facts)))
      lineInFile('/etc/login.defs', `${name} ${value}`, { match: new RegExp(`^#? ?${name}\\s`) })

    const restartJournal = handler('restart the journal', service.restart('systemd-journald'))
    directory('/etc/systemd/journald.conf.d')
    template('/etc/systemd/journald.conf.d/capstan.conf', {
      vars: { size: vars.journal.toUpperCase() },
      notify: restartJournal,
    })

    if (vars.time.sync) {
      const restart = handler('restart the time sync', 'systemctl try-restart systemd-timesyncd\n')
      apt('systemd-timesyncd')
      directory('/etc/systemd/timesyncd.conf.d')
      template('/etc/systemd/timesyncd.conf.d/capstan.conf', {
        vars: { servers: vars.time.servers },
        notify: restart,
      })
      // A container has the clock of its machine, and systemd does not start the service there.
      service('systemd-timesyncd', { enabled: true, ...(facts.isContainer ? {} : { running: true }) })
    }

    if (!facts.isContainer) {
      for (const [key, value] of Object.entries({ ...kernelSettings(facts), ...vars.sysctl }))
        sysctl(key, value)
      const apply = handler(
        'filter reverse paths',
        '/usr/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf\n',
      )
      file('/etc/sysctl.d/zz-capstan-rp-filter.conf', { content: reversePathFilter, notify: apply })
      for (const name of blockedModules) kernelModule.blocked(name)
      const size = vars.swap ?? swapSize(facts)
      if (size === '0') swap.absent('/swapfile')
      else if (size !== undefined) swap('/swapfile', { size })
    }

    if (vars.upgrades.enabled) {
      apt('unattended-upgrades')
      template('/etc/apt/apt.conf.d/52capstan-upgrades', { vars: vars.upgrades })
      service('apt-daily.timer', { enabled: true, running: true })
      service('apt-daily-upgrade.timer', { enabled: true, running: true })
    } else file.absent('/etc/apt/apt.conf.d/52capstan-upgrades')

    if (vars.checksums) {
      apt('debsums')
      // By cron as well, where a host has it: lynis asks for this one.
      command(cronCheck('weekly'), {
        name: 'check the files of packages by cron',
        unless: `grep -qx CRON_CHECK=weekly ${debsums}`,
      })
      timer('capstan-checksums', {
        at: 'weekly',
        randomDelay: '12h',
        command: ['/usr/bin/nice', '-n', '19', '/usr/bin/debsums', '--changed'],
      })
    } else {
      command(cronCheck('never'), {
        name: 'check no files of packages by cron',
        onlyIf: `grep -qsx CRON_CHECK=weekly ${debsums}`,
      })
      timer.absent('capstan-checksums')
    }

    const { user: name, keys, commands } = vars.deploy
    if (name !== undefined) {
      const home = `/home/${name}`
      user(name, { shell: '/bin/bash', home })
      directory(home, { owner: name, mode: '0700' })
      authorizedKey.only(name, keys)
      if (commands.length > 0) {
        apt('sudo')
        sudoers(`capstan-${name}`, { user: name, commands, password: false })
      } else sudoers.absent(`capstan-${name}`)
    }

    // The login of this run goes on; a new one has to work, or sshd gets its old settings back.
    const reload = handler('reload sshd', reloadSshd)
    configSet(
      'sshd configuration',
      { root: '/etc/ssh/sshd_config.d', test: sshdTest, notify: reload },
      () => {
        template('/etc/ssh/sshd_config.d/00-capstan.conf', {
          vars: {
            ...vars.ssh,
            root: (vars.ssh.root ?? (facts.ssh?.user === 'root' ? 'key' : 'no')) === 'key',
            algorithms: Object.entries(algorithms(facts)),
          },
        })
      },
    )

    if (vars.firewall.enabled) {
      apt('nftables')
      const { allow, rules } = vars.firewall
      firewall({
        ssh: vars.ssh.ports ?? [facts.ssh?.port ?? 22],
        from: vars.ssh.from,
        rate: vars.ssh.rate,
        ...{ allow, rules },
      })
    } else firewall.absent()
  },
})

const banner =
  'Authorized users only. All access is logged and monitored; unauthorized access is prohibited and may be prosecuted by law.\n'

// A core dump has the memory of its process, passwords among it. Source: limits.conf(5), coredump.conf(5).
const withoutCoreDumps = {
  '/etc/security/limits.d/capstan.conf': '# Managed by Capstan.\n* hard core 0\n',
  '/etc/systemd/coredump.conf.d/capstan.conf':
    '# Managed by Capstan.\n[Coredump]\nStorage=none\nProcessSizeMax=0\n',
}

const debsums = '/etc/default/debsums'

// As the file is when it runs: `setting` would need a pass of its own, after the package has created it.
function cronCheck(value: 'weekly' | 'never'): string {
  return `sed -i /^CRON_CHECK=/d ${debsums}; echo CRON_CHECK=${value} >>${debsums}`
}

const reloadSshd = readFileSync(new URL('reload-sshd.sh', import.meta.url), 'utf8')

// The directory is that of sshd's own separation; it is there as long as sshd runs.
const sshdTest = 'mkdir -p /run/sshd && sshd -t'
