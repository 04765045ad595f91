// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to bvfctl, as JSON: one table row for each request.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "json.h"
#include "report.h"
#include "vfu/vfu.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)

static const char *const stat_names[] = {
	[BVF_STAT_TX_BYTES]	= "tx_bytes",
	[BVF_STAT_TX_MSGS]	= "tx_msgs",
	[BVF_STAT_RX_BYTES]	= "rx_bytes",
	[BVF_STAT_RX_MSGS]	= "rx_msgs",
	[BVF_STAT_LOC_LEN]	= "loc_len",
	[BVF_STAT_LOC_QP_OP]	= "loc_qp_op",
	[BVF_STAT_LOC_PROT]	= "loc_prot",
	[BVF_STAT_FLUSH]	= "flush",
	[BVF_STAT_REM_INV_REQ]	= "rem_inv_req",
	[BVF_STAT_REM_ACCESS]	= "rem_access",
	[BVF_STAT_REM_OP]	= "rem_op",
	[BVF_STAT_RETRY_EXC]	= "retry_exc",
	[BVF_STAT_RNR_EXC]	= "rnr_exc",
	[BVF_STAT_RNR_NAK]	= "rnr_nak",
	[BVF_STAT_RETRY]	= "retry",
	[BVF_STAT_CQ_OVERFLOW]	= "cq_overflow",
	[BVF_STAT_EVENTS]	= "events",
	[BVF_STAT_KICKS]	= "kicks",
	[BVF_STAT_BAD_DB]	= "bad_db",
	[BVF_STAT_UD_DROP]	= "ud_drop",
	[BVF_STAT_ETH_TX_BYTES]	= "eth_tx_bytes",
	[BVF_STAT_ETH_TX_FRAMES] = "eth_tx_frames",
	[BVF_STAT_ETH_RX_BYTES]	= "eth_rx_bytes",
	[BVF_STAT_ETH_RX_FRAMES] = "eth_rx_frames",
	[BVF_STAT_ETH_TX_BAD]	= "eth_tx_bad",
	[BVF_STAT_ETH_TX_NODEST] = "eth_tx_nodest",
	[BVF_STAT_ETH_TX_SPOOF]	= "eth_tx_spoof",
	[BVF_STAT_ETH_RX_NOBUF]	= "eth_rx_nobuf",
};
_Static_assert(ARRAY_SIZE(stat_names) == BVF_STAT_NR, "a name for each counter");

static const char *const state_names[] = {
	"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR",
};

static const char *const error_names[] = {
	[BVF_DEV_OK]		= "none",
	[BVF_DEV_BAD_FEATURES]	= "driver took features that are not offered",
	[BVF_DEV_BAD_AQ]	= "bad admin queue address or depth",
	[BVF_DEV_NOT_MASTER]	= "bus mastering is off",
	[BVF_DEV_NO_SHARE]	= "guest memory is not shared: share=on is missing",
	[BVF_DEV_AQ_LOST]	= "admin queue was lost",
	[BVF_DEV_CARD]		= "the card failed",
};

static const char *const wait_names[] = { "none", "rnr", "retry" };
static const char *const type_names[] = { "none", "RC", "UD", "GSI" };

#define NAME_OF(table, i) \
	((i) < ARRAY_SIZE(table) ? (table)[i] : "unknown")

struct text_flag {
	uint64_t bit;
	const char *name;
};

static const struct text_flag feature_names[] = {
	{ BVF_FEAT_RC, "rc" }, { BVF_FEAT_UD, "ud" }, { BVF_FEAT_ETH, "eth" },
	{ BVF_FEAT_ETH_CSUM, "csum" }, { BVF_FEAT_ETH_TSO, "tso" },
};

static const struct text_flag eth_names[] = {
	{ BVF_ETHF_UP, "up" },
	{ BVF_ETHF_ALLMULTI, "allmulti" }, { BVF_ETHF_PROMISC, "promisc" },
	{ BVF_ETHF_LRO, "lro" },
};

static void put_flags(struct bvf_json *js, const char *key, uint64_t val,
		      const struct text_flag *flags, size_t nr)
{
	bvf_json_open(js, key, '[');
	for (size_t i = 0; i < nr; i++)
		if (val & flags[i].bit)
			bvf_json_str(js, NULL, flags[i].name);
	bvf_json_close(js, ']');
}

static void put_mac(struct bvf_json *js, const char *key, const uint8_t m[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x",
		 m[0], m[1], m[2], m[3], m[4], m[5]);
	bvf_json_str(js, key, text);
}

static void put_gid(struct bvf_json *js, const char *key, const uint8_t gid[16])
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, gid, text, sizeof(text));
	bvf_json_str(js, key, text);
}

/* What a request may narrow its answer to. */
struct filter {
	const struct bvf_fn *fn;	/* NULL: all */
	uint32_t qpn;			/* 0: all */
};

static void report_version(const struct bvf_card *card, const struct filter *f,
			   struct bvf_json *js)
{
	const struct dram *dram = card->dram;
	char text[32];

	(void)f;
	bvf_json_open(js, NULL, '{');
	snprintf(text, sizeof(text), "%u.%u.%u", BVF_CARD_VERSION >> 16,
		 BVF_CARD_VERSION >> 8 & 0xff, BVF_CARD_VERSION & 0xff);
	bvf_json_str(js, "version", text);
	snprintf(text, sizeof(text), "%u.%u", BVF_VERSION_MAJOR(BVF_VERSION),
		 BVF_VERSION_MINOR(BVF_VERSION));
	bvf_json_str(js, "abi", text);
	bvf_json_num(js, "layout", DRAM_LAYOUT);
	bvf_json_num(js, "pid", (uint64_t)getpid());
	bvf_json_num(js, "functions", card->nr_fn);
	bvf_json_open(js, "datapath", '{');
	bvf_json_num(js, "pid", (uint64_t)card->dp.pid);
	bvf_json_num(js, "generation", LOAD(dram->dp_generation));
	bvf_json_num(js, "asleep", LOAD(dram->dp_asleep));
	bvf_json_num(js, "loops", LOAD(dram->dp_loops));
	bvf_json_num(js, "sleeps", LOAD(dram->dp_sleeps));
	bvf_json_close(js, '}');
	bvf_json_close(js, '}');
}

static const char *fn_state(const struct bvf_fn *fn)
{
	if (fn->stopping && fn->reset_pending)
		return "resetting";
	switch (fn->state) {
	case BVF_FN_READY:
		return "ready";
	case BVF_FN_FATAL:
		return "fatal";
	default:
		return "disabled";
	}
}

static void put_objects(struct bvf_json *js, const struct bvf_fn *fn)
{
	bvf_json_num(js, "uctx", fn->uctx.used);
	bvf_json_num(js, "pd", fn->pd.used);
	bvf_json_num(js, "eq", fn->eq.used);
	bvf_json_num(js, "cq", fn->cq.used);
	/* QP 1 has its own slot beside those that are counted. */
	bvf_json_num(js, "qp", fn->qp.used +
		     (fn->qp.state[1] != BVF_ID_FREE));
	bvf_json_num(js, "mr", fn->mr.used);
	bvf_json_num(js, "ethq", fn->ethq.used);
	bvf_json_num(js, "dma", fn->df->nr_dma);
}

static void put_gids(struct bvf_json *js, const struct bvf_fn *fn)
{
	static const uint8_t none[16];

	bvf_json_open(js, "gid", '[');
	for (uint32_t i = 0; i < DRAM_MAX_GID; i++)
		if (memcmp(fn->df->gid[i], none, sizeof(none)))
			put_gid(js, NULL, fn->df->gid[i]);
	bvf_json_close(js, ']');
}

static void put_function(struct bvf_json *js, const struct bvf_fn *fn,
			 const struct filter *f)
{
	const struct dram_func *df = fn->df;

	(void)f;
	bvf_json_open(js, NULL, '{');
	bvf_json_str(js, "func", fn->name);
	bvf_json_num(js, "index", fn->index);
	bvf_json_str(js, "state", fn_state(fn));
	if (fn->state == BVF_FN_FATAL)
		bvf_json_str(js, "error", NAME_OF(error_names, fn->error));
	bvf_json_num(js, "client", bvf_vfu_connected(fn->vfu));
	bvf_json_num(js, "network", df->network);
	put_mac(js, "mac", df->mac);
	bvf_json_str(js, "irq", fn->irq_kind == BVF_IRQ_KIND_MSI ? "msi" : "msix");
	bvf_json_str(js, "sock", fn->path);
	bvf_json_num(js, "master", df->master);
	put_flags(js, "features", fn->drv_features, feature_names,
		  ARRAY_SIZE(feature_names));
	put_objects(js, fn);
	bvf_json_num(js, "mtu", df->eth_mtu);
	put_flags(js, "eth", df->eth_flags, eth_names, ARRAY_SIZE(eth_names));
	put_gids(js, fn);
	bvf_json_close(js, '}');
}

/* An array of what @put makes of the function asked for, or of all. */
static void for_each_fn(const struct bvf_card *card, const struct filter *f,
			struct bvf_json *js,
			void (*put)(struct bvf_json *js, const struct bvf_fn *fn,
				    const struct filter *f))
{
	bvf_json_open(js, NULL, '[');
	for (uint32_t i = 0; i < card->nr_fn; i++)
		if (!f->fn || f->fn == card->fn[i])
			put(js, card->fn[i], f);
	bvf_json_close(js, ']');
}

static void report_functions(const struct bvf_card *card,
			     const struct filter *f, struct bvf_json *js)
{
	for_each_fn(card, f, js, put_function);
}

static void put_qp_peer(struct bvf_json *js, const struct dram_qp *qp)
{
	const struct bvf_qp_attr *a = &qp->attr;

	if (qp->type != BVF_QPT_RC || qp->state < BVF_QPS_RTR || !a->path_mtu)
		return;
	bvf_json_num(js, "dest_qpn", a->dest_qpn);
	put_gid(js, "sgid", qp->sgid);
	put_gid(js, "dgid", a->dgid);
	put_mac(js, "dmac", a->dmac);
	bvf_json_num(js, "mtu", 128u << a->path_mtu);
	bvf_json_num(js, "timeout", a->timeout);
	bvf_json_num(js, "retry_cnt", a->retry_cnt);
	bvf_json_num(js, "rnr_retry", a->rnr_retry);
	bvf_json_num(js, "sq_psn", LOAD(qp->sq_psn));
	bvf_json_num(js, "rq_psn", LOAD(qp->rq_psn));
	bvf_json_num(js, "msn", LOAD(qp->msn));
}

static void put_qp(struct bvf_json *js, const struct bvf_fn *fn,
		   const struct dram_qp *qp)
{
	bvf_json_open(js, NULL, '{');
	bvf_json_str(js, "func", fn->name);
	bvf_json_num(js, "qpn", qp->qpn);
	bvf_json_str(js, "type", NAME_OF(type_names, qp->type));
	bvf_json_str(js, "state", NAME_OF(state_names, bvf_qp_state(qp)));
	bvf_json_num(js, "uctx", qp->uctx);
	bvf_json_num(js, "pdn", qp->pdn);
	bvf_json_num(js, "send_cqn", qp->send_cqn);
	bvf_json_num(js, "recv_cqn", qp->recv_cqn);
	bvf_json_num(js, "sq_depth", 1u << qp->sq_depth_shift);
	bvf_json_num(js, "rq_depth", qp->flags & BVF_QPF_NO_RQ ? 0 :
		     1u << qp->rq_depth_shift);
	put_qp_peer(js, qp);
	bvf_json_num(js, "sq_pi", LOAD(qp->sq_pi));
	bvf_json_num(js, "sq_ci", LOAD(qp->sq_ci));
	bvf_json_num(js, "rq_ci", LOAD(qp->rq_ci));
	bvf_json_str(js, "wait", NAME_OF(wait_names, LOAD(qp->wait)));
	bvf_json_close(js, '}');
}

static void put_qp_stats(struct bvf_json *js, const struct bvf_fn *fn,
			 const struct dram_qp *qp)
{
	const struct dram_qp_stats *st = &qp->stats;

	bvf_json_open(js, NULL, '{');
	bvf_json_str(js, "func", fn->name);
	bvf_json_num(js, "qpn", qp->qpn);
	bvf_json_num(js, "tx_bytes", LOAD(st->tx_bytes));
	bvf_json_num(js, "tx_msgs", LOAD(st->tx_msgs));
	bvf_json_num(js, "rx_bytes", LOAD(st->rx_bytes));
	bvf_json_num(js, "rx_msgs", LOAD(st->rx_msgs));
	bvf_json_num(js, "retries", LOAD(st->retries));
	bvf_json_num(js, "rnr_naks", LOAD(st->rnr_naks));
	bvf_json_num(js, "errors", LOAD(st->errors));
	bvf_json_num(js, "flushed", LOAD(st->flushed));
	bvf_json_close(js, '}');
}

static void for_each_qp(struct bvf_json *js, const struct bvf_fn *fn,
			const struct filter *f,
			void (*put)(struct bvf_json *js, const struct bvf_fn *fn,
				    const struct dram_qp *qp))
{
	for (uint32_t i = 0; i < fn->qp.size; i++) {
		const struct dram_qp *qp = &fn->df->qp[i];

		if (fn->qp.state[i] != BVF_ID_FREE &&
		    (!f->qpn || qp->qpn == f->qpn))
			put(js, fn, qp);
	}
}

static void put_qps(struct bvf_json *js, const struct bvf_fn *fn,
		    const struct filter *f)
{
	for_each_qp(js, fn, f, put_qp);
}

static void report_qps(const struct bvf_card *card, const struct filter *f,
		       struct bvf_json *js)
{
	for_each_fn(card, f, js, put_qps);
}

static void put_qps_stats(struct bvf_json *js, const struct bvf_fn *fn,
			  const struct filter *f)
{
	for_each_qp(js, fn, f, put_qp_stats);
}

static void report_qp_stats(const struct bvf_card *card, const struct filter *f,
			    struct bvf_json *js)
{
	for_each_fn(card, f, js, put_qps_stats);
}

static void put_counters(struct bvf_json *js, const struct bvf_fn *fn,
			 const struct filter *f)
{
	(void)f;
	bvf_json_open(js, NULL, '{');
	bvf_json_str(js, "func", fn->name);
	for (int i = 0; i < BVF_STAT_NR; i++)
		bvf_json_num(js, stat_names[i], LOAD(fn->df->stats[i]));
	bvf_json_close(js, '}');
}

static void report_counters(const struct bvf_card *card,
			    const struct filter *f, struct bvf_json *js)
{
	for_each_fn(card, f, js, put_counters);
}

/* Return: true if no function before @i is in its network */
static bool network_is_new(const struct bvf_card *card, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (card->fn[j]->df->network == card->fn[i]->df->network)
			return false;
	return true;
}

static void report_networks(const struct bvf_card *card,
			    const struct filter *f, struct bvf_json *js)
{
	(void)f;
	bvf_json_open(js, NULL, '[');
	for (uint32_t i = 0; i < card->nr_fn; i++) {
		uint32_t network = card->fn[i]->df->network;

		if (!network_is_new(card, i))
			continue;
		bvf_json_open(js, NULL, '{');
		bvf_json_num(js, "network", network);
		bvf_json_open(js, "func", '[');
		for (uint32_t j = i; j < card->nr_fn; j++)
			if (card->fn[j]->df->network == network)
				bvf_json_str(js, NULL, card->fn[j]->name);
		bvf_json_close(js, ']');
		bvf_json_close(js, '}');
	}
	bvf_json_close(js, ']');
}

static const struct {
	const char *words;
	bool takes_func, takes_qpn;
	void (*fn)(const struct bvf_card *card, const struct filter *f,
		   struct bvf_json *js);
} requests[] = {
	{ "version", false, false, report_version },
	{ "func show", true, false, report_functions },
	{ "qp show", true, true, report_qps },
	{ "stat show", true, false, report_counters },
	{ "stat qp", true, true, report_qp_stats },
	{ "network show", false, false, report_networks },
};

static const struct bvf_fn *fn_named(const struct bvf_card *card,
				     const char *name)
{
	for (uint32_t i = 0; i < card->nr_fn; i++)
		if (!strcmp(card->fn[i]->name, name))
			return card->fn[i];
	return NULL;
}

static void report_error(struct bvf_json *js, const char *text, const char *arg)
{
	char msg[320];

	snprintf(msg, sizeof(msg), "%s%s%s", text, *arg ? " " : "", arg);
	bvf_json_open(js, NULL, '{');
	bvf_json_str(js, "error", msg);
	bvf_json_close(js, '}');
}

static bool parse_qpn(const char *text, uint32_t *qpn)
{
	char *end;
	unsigned long val = strtoul(text, &end, 0);

	*qpn = (uint32_t)val;
	return *text && !*end && val && val <= BVF_QPN_MASK;
}

/* Return: true, or false after an error has been reported */
static bool parse_filter(const struct bvf_card *card, char *args, size_t req,
			 struct filter *f, struct bvf_json *js)
{
	char *save, *key = strtok_r(args, " ", &save);

	for (; key; key = strtok_r(NULL, " ", &save)) {
		char *val = strtok_r(NULL, " ", &save);

		if (!val)
			val = "";
		if (requests[req].takes_func &&
		    (!strcmp(key, "func") || !strcmp(key, "name"))) {
			f->fn = fn_named(card, val);
			if (!f->fn) {
				report_error(js, "no function named", val);
				return false;
			}
		} else if (requests[req].takes_qpn && !strcmp(key, "qpn")) {
			if (!parse_qpn(val, &f->qpn)) {
				report_error(js, "not a QP number:", val);
				return false;
			}
		} else {
			report_error(js, "unknown word", key);
			return false;
		}
	}
	return true;
}

void bvf_report(const struct bvf_card *card, char *line, struct bvf_json *js)
{
	struct filter f = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		size_t len = strlen(requests[i].words);

		if (strncmp(requests[i].words, line, len) ||
		    (line[len] && line[len] != ' '))
			continue;
		if (parse_filter(card, line + len, i, &f, js))
			requests[i].fn(card, &f, js);
		return;
	}
	report_error(js, "unknown request", line);
}
