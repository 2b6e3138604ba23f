#!/usr/bin/env zx
// Reports results of workflows on GitHub: a plan as a comment, drift and problems of hosts as issues.
import { commands } from '#capstan'

await commands.github()
