// Messages to the kernel's network configuration: netlink(7), rtnetlink(7).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const NETLINK = defineEnum('include/uapi/linux/netlink.h (v6.12); netlink(7)', { NETLINK_ROUTE: 0n })

/** For setsockopt(2): include/linux/socket.h (v6.12). */
export const SOL_NETLINK = 270n

export const NETLINK_OPTION = defineEnum('include/uapi/linux/netlink.h (v6.12); netlink(7)', { NETLINK_EXT_ACK: 11n })

export const NLMSG = defineEnum('include/uapi/linux/netlink.h (v6.12); netlink(7)', {
  NLMSG_NOOP: 1n,
  NLMSG_ERROR: 2n,
  NLMSG_DONE: 3n,
})

/** What the bits from 0x100 on mean depends on the kind of message: here those of a request. */
export const NLM_F = defineFlags('include/uapi/linux/netlink.h (v6.12); netlink(7)', {
  NLM_F_REQUEST: 0x1n,
  NLM_F_MULTI: 0x2n,
  NLM_F_ACK: 0x4n,
  NLM_F_DUMP_INTR: 0x10n,
  NLM_F_EXCL: 0x200n,
  NLM_F_DUMP: 0x300n,
  NLM_F_CREATE: 0x400n,
})

/** Of the answer that reports an error. */
export const NLM_F_ANSWER = defineFlags('include/uapi/linux/netlink.h (v6.12); netlink(7)', {
  NLM_F_CAPPED: 0x100n,
  NLM_F_ACK_TLVS: 0x200n,
})

export const NLMSGERR_ATTR = defineEnum('include/uapi/linux/netlink.h (v6.12); netlink(7)', { NLMSGERR_ATTR_MSG: 1n })

export const nlmsghdr = defineStruct('struct nlmsghdr, include/uapi/linux/netlink.h (v6.12); netlink(7)', {
  nlmsg_len: 'u32',
  nlmsg_type: 'u16',
  nlmsg_flags: 'u16',
  nlmsg_seq: 'u32',
  nlmsg_pid: 'u32',
})

/** The header alone; `nla_len` counts it too. What follows is padded to 4 bytes. */
export const nlattr = defineStruct('struct nlattr, include/uapi/linux/netlink.h (v6.12); netlink(7)', {
  nla_len: 'u16',
  nla_type: 'u16',
})

/** The bits of `nla_type` that are the type. */
export const NLA_TYPE_MASK = 0x3fffn

export const RTM = defineEnum('include/uapi/linux/rtnetlink.h (v6.12); rtnetlink(7)', {
  RTM_NEWLINK: 16n,
  RTM_GETLINK: 18n,
  RTM_SETLINK: 19n,
  RTM_NEWADDR: 20n,
  RTM_GETADDR: 22n,
})

export const RT_SCOPE = defineEnum('include/uapi/linux/rtnetlink.h (v6.12); rtnetlink(7)', { RT_SCOPE_UNIVERSE: 0n })

export const IFLA = defineEnum('include/uapi/linux/if_link.h (v6.12); rtnetlink(7)', {
  IFLA_IFNAME: 3n,
  IFLA_NET_NS_FD: 28n,
})

export const IFA = defineEnum('include/uapi/linux/if_addr.h (v6.12); rtnetlink(7)', {
  IFA_ADDRESS: 1n,
  IFA_LOCAL: 2n,
  IFA_BROADCAST: 4n,
  IFA_FLAGS: 8n,
  IFA_RT_PRIORITY: 9n,
})

export const IFA_F = defineFlags('include/uapi/linux/if_addr.h (v6.12); rtnetlink(7)', {
  IFA_F_NODAD: 0x2n,
  IFA_F_PERMANENT: 0x80n,
  IFA_F_NOPREFIXROUTE: 0x200n,
})

export const ifinfomsg = defineStruct('struct ifinfomsg, include/uapi/linux/rtnetlink.h (v6.12); rtnetlink(7)', {
  ifi_family: 'u8',
  padding_1: 'u8',
  ifi_type: 'u16',
  ifi_index: 'i32',
  ifi_flags: 'u32',
  ifi_change: 'u32',
})

export const ifaddrmsg = defineStruct('struct ifaddrmsg, include/uapi/linux/if_addr.h (v6.12); rtnetlink(7)', {
  ifa_family: 'u8',
  ifa_prefixlen: 'u8',
  ifa_flags: 'u8',
  ifa_scope: 'u8',
  ifa_index: 'u32',
})
