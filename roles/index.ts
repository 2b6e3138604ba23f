// The roles, as scripts import them from '#roles'.
export { default as app } from './app/role.ts'
export { default as backup } from './backup/role.ts'
export { default as base } from './base/role.ts'
export { default as dns } from './dns/role.ts'
export { default as mysql } from './mysql/role.ts'
export { default as nginx } from './nginx/role.ts'
export { default as tls } from './tls/role.ts'
