// SPDX-License-Identifier: GPL-2.0
/*
 * Picks an RDMA device, port and GID, the way a user would: the RoCE v2 GID that
 * is the address the ranks met on. It must not know queue pairs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rdma_dev.h"

/* How well a GID suits, best last. */
enum bvf_gid_fit {
	BVF_GID_UNFIT,
	BVF_GID_LINK_LOCAL,
	BVF_GID_IPV6,
	BVF_GID_IPV4,
	BVF_GID_SAME_NETDEV,	/* the interface that has the local address */
	BVF_GID_SAME_ADDR,
	BVF_GID_NAMED,		/* --gid-index */
};

struct bvf_gid_wish {
	union ibv_gid gid;	/* the local address as a GID */
	unsigned int ifindex;	/* 0: not known */
	int gid_index;
};

static void bvf_gid_from_addr(union ibv_gid *gid, const struct sockaddr_storage *ss)
{
	memset(gid, 0, sizeof(*gid));
	if (ss->ss_family == AF_INET6) {
		memcpy(gid->raw, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
		return;
	}
	gid->raw[10] = gid->raw[11] = 0xff;
	memcpy(gid->raw + 12, &((const struct sockaddr_in *)ss)->sin_addr, 4);
}

/* Index of the interface that has this address, or 0. */
static unsigned int bvf_gid_ifindex(const union ibv_gid *want)
{
	unsigned int index = 0;
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return 0;
	for (const struct ifaddrs *i = list; i && !index; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		union ibv_gid gid;

		if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET &&
				     i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&ss, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ?
		       sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		bvf_gid_from_addr(&gid, &ss);
		if (!memcmp(&gid, want, sizeof(gid)))
			index = if_nametoindex(i->ifa_name);
	}
	freeifaddrs(list);
	return index;
}

static enum bvf_gid_fit bvf_gid_judge(const struct ibv_gid_entry *e,
				      const struct bvf_gid_wish *wish)
{
	const struct in6_addr *ip = (const void *)e->gid.raw;

	if (wish->gid_index >= 0)
		return e->gid_index == (uint32_t)wish->gid_index ? BVF_GID_NAMED :
								   BVF_GID_UNFIT;
	if (e->gid_type == IBV_GID_TYPE_IB)
		return BVF_GID_LINK_LOCAL;
	if (e->gid_type != IBV_GID_TYPE_ROCE_V2)
		return BVF_GID_UNFIT;
	if (!memcmp(&e->gid, &wish->gid, sizeof(e->gid)))
		return BVF_GID_SAME_ADDR;
	if (IN6_IS_ADDR_LINKLOCAL(ip))
		return BVF_GID_LINK_LOCAL;
	if (wish->ifindex && e->ndev_ifindex == wish->ifindex)
		return BVF_GID_SAME_NETDEV;
	return IN6_IS_ADDR_V4MAPPED(ip) ? BVF_GID_IPV4 : BVF_GID_IPV6;
}

/* Best GID of one port. */
static enum bvf_gid_fit bvf_port_scan(struct bvf_rdma_dev *d,
				      const struct bvf_gid_wish *wish)
{
	enum bvf_gid_fit best = BVF_GID_UNFIT;

	for (int i = 0; i < d->port_attr.gid_tbl_len && i < 256; i++) {
		struct ibv_gid_entry e;
		enum bvf_gid_fit fit;

		/* Empty entries answer ENODATA. */
		if (ibv_query_gid_ex(d->ctx, d->port, (uint32_t)i, &e, 0))
			continue;
		fit = bvf_gid_judge(&e, wish);
		if (fit <= best)
			continue;
		best = fit;
		d->gid_index = (uint8_t)i;
		d->gid = e.gid;
	}
	return best;
}

/* Best port of one opened device; d is filled in for it. */
static enum bvf_gid_fit bvf_dev_scan(struct bvf_rdma_dev *d, const struct bvf_ar_opts *o,
				     const struct bvf_gid_wish *wish)
{
	enum bvf_gid_fit best = BVF_GID_UNFIT;
	struct bvf_rdma_dev try = *d;
	struct ibv_device_attr attr;

	if (ibv_query_device(d->ctx, &attr))
		return best;
	for (unsigned int p = 1; p <= attr.phys_port_cnt; p++) {
		enum bvf_gid_fit fit;

		if (o->ib_port && p != (unsigned int)o->ib_port)
			continue;
		try.port = (uint8_t)p;
		if (ibv_query_port(d->ctx, try.port, &try.port_attr) ||
		    try.port_attr.state != IBV_PORT_ACTIVE)
			continue;
		fit = bvf_port_scan(&try, wish);
		if (fit <= best)
			continue;
		best = fit;
		*d = try;
	}
	return best;
}

static int bvf_dev_pick(struct bvf_rdma_dev *d, const struct bvf_ar_opts *o,
			const struct bvf_gid_wish *wish, char *why, size_t why_len)
{
	enum bvf_gid_fit best = BVF_GID_UNFIT;
	struct ibv_device **list;
	bool named = false;
	int nr;

	list = ibv_get_device_list(&nr);
	if (!list)
		nr = 0;
	for (int i = 0; i < nr; i++) {
		struct bvf_rdma_dev try = { 0 };
		enum bvf_gid_fit fit;

		if (o->device && strcmp(o->device, ibv_get_device_name(list[i])))
			continue;
		named = true;
		try.ctx = ibv_open_device(list[i]);
		if (!try.ctx)
			continue;
		fit = bvf_dev_scan(&try, o, wish);
		if (fit > best) {
			bvf_rdma_dev_close(d);
			*d = try;
			best = fit;
		} else {
			ibv_close_device(try.ctx);
		}
	}
	if (list)
		ibv_free_device_list(list);
	if (best > BVF_GID_UNFIT)
		return 0;
	if (!nr)
		snprintf(why, why_len, "no RDMA device here (see ibv_devices; is its driver loaded?)");
	else if (!named)
		snprintf(why, why_len, "no RDMA device %s here (see ibv_devices)", o->device);
	else
		snprintf(why, why_len, "no RDMA device with an active port and a fitting RoCE v2 GID (is its interface up, with an address?)");
	return -ENODEV;
}

static enum ibv_mtu bvf_mtu_enum(unsigned int bytes)
{
	enum ibv_mtu mtu = IBV_MTU_256;

	while (bytes > 256 && mtu < IBV_MTU_4096) {
		bytes >>= 1;
		mtu++;
	}
	return mtu;
}

int bvf_rdma_dev_open(struct bvf_rdma_dev *d, const struct bvf_ar_opts *o,
		      const struct sockaddr_storage *local, char *why, size_t why_len)
{
	struct bvf_gid_wish wish = { .gid_index = o->gid_index };
	char gid[INET6_ADDRSTRLEN];
	int err;

	memset(d, 0, sizeof(*d));
	bvf_gid_from_addr(&wish.gid, local);
	wish.ifindex = bvf_gid_ifindex(&wish.gid);
	err = bvf_dev_pick(d, o, &wish, why, why_len);
	if (err)
		return err;
	d->ethernet = d->port_attr.link_layer == IBV_LINK_LAYER_ETHERNET;
	d->mtu = d->port_attr.active_mtu;
	if (o->mtu && bvf_mtu_enum(o->mtu) < d->mtu)
		d->mtu = bvf_mtu_enum(o->mtu);
	snprintf(d->text, sizeof(d->text), "%s port %u gid %u (%s) mtu %u",
		 ibv_get_device_name(d->ctx->device), d->port, d->gid_index,
		 inet_ntop(AF_INET6, d->gid.raw, gid, sizeof(gid)), 128u << d->mtu);
	return 0;
}

void bvf_rdma_dev_close(struct bvf_rdma_dev *d)
{
	if (d->ctx)
		ibv_close_device(d->ctx);
	d->ctx = NULL;
}
