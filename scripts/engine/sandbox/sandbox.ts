// The door of the sandbox: what site.mjs, sandbox.mjs and the tests use of it.
export { sandboxDown } from './down.ts'
export type { SandboxHost, SandboxOptions, SandboxRequest } from './host.ts'
export { sandboxKeep } from './keep.ts'
export { harvest } from './packages.ts'
export { sandboxPrepare } from './prepare.ts'
export { sshArguments } from './ssh-arguments.ts'
export { type SandboxHostStatus, sandboxStatus } from './status.ts'
export { sandboxUp } from './up.ts'
