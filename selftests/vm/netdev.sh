#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The function's Ethernet side between two VMs: IPv4, IPv6, TCP, MTU, offloads.

. "$(dirname "$0")/lib.sh"
if0=$(netdev 0) if1=$(netdev 1)

mtu()
{
	vm 0 ip link set "$if0" mtu "$1" && vm 1 ip link set "$if1" mtu "$1"
}

jumbo()
{
	mtu 9000 && vm 0 ping -q -c 5 -i 0.05 -M do -s 8972 "$IP1"
	rc=$?
	mtu 1500
	return $rc
}

offloads()
{
	vm 0 ethtool -K "$if0" tso "$1" gso "$1" tx "$2" && vm 1 ethtool -K "$if1" tso "$1" gso "$1" tx "$2"
}

# 16 MiB of random bytes over TCP, compared by checksum.
copy()
{
	pair "rm -f /tmp/in && socat -u TCP6-LISTEN:18800,ipv6only=0,reuseaddr OPEN:/tmp/in,creat && sha256sum < /tmp/in > /out/sum.in" \
		"head -c 16777216 /dev/urandom > /tmp/data && socat -u OPEN:/tmp/data TCP:$1:18800 && sha256sum < /tmp/data > /out/sum.out" &&
		[ "$(vm 0 cat /out/sum.in)" = "$(vm 1 cat /out/sum.out)" ]
}

no_offload_copy()
{
	offloads off off && copy "$IP0"
	rc=$?
	offloads on on
	return $rc
}

stats()
{
	vm 0 "ethtool -S $if0 > /dev/null && ip -s link show dev $if0 | awk '/RX:/{getline; exit !(\$2 > 0)}'"
}

tap_plan 9
tap_run "ping over IPv4" vm 0 ping -q -c 20 -i 0.02 "$IP1"
tap_run "ping over IPv6" vm 0 ping -q -c 20 -i 0.02 "$IP6_1"
tap_run "ping with MTU 9000 unfragmented" jumbo
tap_run "TCP copy over IPv4" copy "$IP0"
tap_run "TCP copy over IPv6" copy "[$IP6_0]"
tap_run "TCP copy without offloads" no_offload_copy
tap_run "iperf3 both ways" pair "iperf3 -s -1 > /dev/null" "iperf3 -c $IP0 -t 2 --bidir"
tap_run "counters" stats
tap_run "link settings" vm 0 "ethtool $if0 | grep -q 'Link detected: yes'"
tap_end
