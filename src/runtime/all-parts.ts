// For the library and for tests: every part of parts.ts, loaded at once.
import * as intelRdt from './intel-rdt.ts'
import * as netDevices from './net-devices.ts'
import { provideProxies } from './notify.ts'
import * as proxies from './notify-proxy.ts'
import { provide } from './parts.ts'
import * as programFacts from './program-facts.ts'
import * as rareMounts from './rare-mounts.ts'
import * as seccomp from './seccomp.ts'

provide({ intelRdt, netDevices, programFacts, rareMounts, seccomp })
provideProxies(proxies)
