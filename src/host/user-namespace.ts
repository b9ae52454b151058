// Whether this process is in a user namespace: user_namespaces(7). Apart from identity.ts, whose tables most commands do
// without.
import { readlinkSync } from 'node:fs'
import { NAMESPACE_INODE } from '../abi/sched.ts'

/** Whether root of this process is root of the machine: the first user namespace has a number of its own. */
export const inUserNamespace = (): boolean => readlinkSync('/proc/self/ns/user') !== FIRST_USER_NAMESPACE
const FIRST_USER_NAMESPACE = `user:[${NAMESPACE_INODE.values.USER_NS_INIT_INO}]`
