/** How nginx is reloaded. Its workers write the reasons of a refused configuration to its own log alone. */
export const reloadOptions = { newWorkers: true, log: '/var/log/nginx/error.log' } as const
