// SPDX-License-Identifier: GPL-2.0
/*
 * Ethernet queues and the switch between functions: who gets a frame, what
 * offloads make of it, and what becomes of frames that are wrong.
 */
#include <arpa/inet.h>
#include <signal.h>

#include "pair.h"
#include "tap.h"

#define DEPTH_SHIFT	8
#define DEPTH		(1u << DEPTH_SHIFT)
#define NR_FN		4

/* A function with one queue and memory for frames. */
struct port {
	struct bvf_drv drv;
	struct bvf_tx_desc *tx;
	struct bvf_rx_desc *rx;
	struct bvf_rx_cqe *rxc;
	struct bvf_eth_dbrec *rec;
	uint32_t tx_pi, rx_pi, rx_ci;
	uint8_t *out;			/* the frame to send */
	uint8_t *in;			/* receive buffers */
	uint32_t in_len;		/* of each */
};

static struct bvf_card card;
static struct port port[NR_FN];

static int set_eth(struct port *p, uint32_t flags, uint16_t mtu)
{
	struct bvf_set_eth_cmd cmd = { .flags = flags, .mtu = mtu, .nr_rxq = 1 };

	return bvf_cmd(&p->drv, BVF_OP_SET_ETH, &cmd, sizeof(cmd), NULL, 0);
}

static void post_rx(struct port *p, uint32_t n)
{
	for (; n; n--, p->rx_pi++)
		p->rx[p->rx_pi % DEPTH] = (struct bvf_rx_desc){
			.addr = bvf_iova(&p->drv, p->in + (size_t)(p->rx_pi % DEPTH) * p->in_len),
			.len = p->in_len,
		};
	__atomic_store_n(&p->rec->rx_pi, p->rx_pi, __ATOMIC_RELEASE);
}

static void port_up(struct port *p, unsigned int i, uint64_t drop_features)
{
	struct bvf_create_ethq_cmd cmd = {
		.buf_len = 32768, .tx_off = 0, .rx_off = 8192, .rxc_off = 16384,
		.dbrec_off = 28672, .tx_depth_shift = DEPTH_SHIFT,
		.rx_depth_shift = DEPTH_SHIFT, .vector = 2,
	};
	uint8_t *mem;

	bvf_drv_open(&p->drv, bvf_card_sock(&card, i), BVF_RAM_SIZE);
	bvf_drv_pci(&p->drv);
	bvf_drv_reset(&p->drv);
	bvf_reg_write64(&p->drv, BVF_REG_DRV_FEATURES,
			(BVF_FEAT_RC | BVF_FEAT_UD | BVF_FEAT_ETH | BVF_FEAT_ETH_CSUM |
			 BVF_FEAT_ETH_TSO) & ~drop_features);
	bvf_drv_aq_setup(&p->drv, 6);
	TAP_OK(bvf_drv_enable(&p->drv) & BVF_STS_READY);
	bvf_drv_objects(&p->drv);
	mem = bvf_alloc_pages(&p->drv, 32768);
	cmd.pl = bvf_pl(&p->drv, mem);
	BVF_MUST(bvf_cmd(&p->drv, BVF_OP_CREATE_ETHQ, &cmd, sizeof(cmd), NULL, 0));
	p->tx = (void *)mem;
	p->rx = (void *)(mem + 8192);
	p->rxc = (void *)(mem + 16384);
	p->rec = (void *)(mem + 28672);
	p->out = bvf_alloc_pages(&p->drv, 1 << 17);
	p->in_len = 2048;
	p->in = bvf_alloc_pages(&p->drv, 9216 * DEPTH);
	BVF_MUST(set_eth(p, BVF_ETHF_UP, 1500));
	post_rx(p, DEPTH / 2);
}

static void setup_features(uint64_t drop)
{
	static const char *const fn[NR_FN] = {
		"name=fn0,network=1", "name=fn1,network=1", "name=fn2,network=1",
		"name=fn3,network=2",
	};

	bvf_card_init(&card, tap_tmpdir());
	for (int i = 0; i < NR_FN; i++) {
		bvf_card_arg(&card, "--function");
		bvf_card_arg(&card, fn[i]);
	}
	bvf_card_start(&card);
	for (unsigned int i = 0; i < NR_FN; i++)
		port_up(&port[i], i, i == 1 ? drop : 0);
}

static void setup(void)
{
	setup_features(0);
}

static void teardown(void)
{
	bvf_card_check(&card);
	for (int i = 0; i < NR_FN; i++)
		bvf_drv_close(&port[i].drv);
	bvf_card_stop(&card);
}

static struct bvf_tx_desc *put_tx(struct port *p, const void *at, uint32_t len, uint16_t flags)
{
	struct bvf_tx_desc *t = &p->tx[p->tx_pi++ % DEPTH];

	*t = (struct bvf_tx_desc){ .addr = bvf_iova(&p->drv, at), .len = len, .flags = flags };
	return t;
}

static void ring_tx(struct port *p)
{
	__atomic_store_n(&p->rec->tx_pi, p->tx_pi, __ATOMIC_RELEASE);
	__atomic_fetch_or(&p->drv.kernel.db->eth, 1, __ATOMIC_SEQ_CST);
	bvf_kick_if_asleep(&p->drv.kernel);
}

static void want_sent(struct port *p)
{
	bvf_wait_for(&p->drv, __atomic_load_n(&p->rec->tx_ci, __ATOMIC_ACQUIRE) == p->tx_pi);
}

/* The next receive completion. */
static struct bvf_rx_cqe next_rx(struct port *p)
{
	struct bvf_rx_cqe *c = &p->rxc[p->rx_ci % DEPTH];
	uint32_t phase = (p->rx_ci >> DEPTH_SHIFT & 1) ^ 1;

	bvf_wait_for(&p->drv, (__atomic_load_n(&c->phase, __ATOMIC_ACQUIRE) & 1) == phase);
	TAP_EQ(c->idx, p->rx_ci);
	p->rx_ci++;
	return *c;
}

static uint8_t *rx_buf(struct port *p, const struct bvf_rx_cqe *c)
{
	return p->in + (size_t)(c->idx % DEPTH) * p->in_len;
}

static bool has_rx(struct port *p)
{
	struct bvf_rx_cqe *c = &p->rxc[p->rx_ci % DEPTH];

	return (__atomic_load_n(&c->phase, __ATOMIC_ACQUIRE) & 1) ==
	       ((p->rx_ci >> DEPTH_SHIFT & 1) ^ 1);
}

static void want_no_rx(struct port *p)
{
	usleep(10000);
	TAP_OK(!has_rx(p));
}

static const uint8_t *mac_of(int i)
{
	return port[i].drv.desc.mac;
}

/* An Ethernet header, and a payload that tells its seed. Return: frame length */
static uint32_t make_frame(struct port *p, const uint8_t *to, uint32_t payload, uint32_t seed)
{
	memcpy(p->out, to, 6);
	memcpy(p->out + 6, p->drv.desc.mac, 6);
	p->out[12] = 0x88;
	p->out[13] = 0xb5;		/* local experimental */
	bvf_fill(p->out + 14, payload, seed);
	return 14 + payload;
}

static void want_frame(struct port *p, uint32_t len, uint32_t seed)
{
	struct bvf_rx_cqe c = next_rx(p);

	TAP_EQ(c.len, len);
	TAP_EQ(c.flags & BVF_RXC_EOP, BVF_RXC_EOP);
	bvf_want_filled(rx_buf(p, &c) + 14, len - 14, seed);
}

static void send_simple(struct port *p, const uint8_t *to, uint32_t payload, uint32_t seed)
{
	uint32_t len = make_frame(p, to, payload, seed);

	put_tx(p, p->out, len, BVF_TXD_EOP);
	ring_tx(p);
	want_sent(p);
}

/* ---- switching ---- */

static const struct size_row {
	const char *name;
	uint32_t payload;
} sizes[] = { { "1", 1 }, { "46", 46 }, { "500", 500 }, { "1500", 1500 } };

TAP_TABLE(unicast, struct size_row, sizes, row)
{
	setup();
	send_simple(&port[0], mac_of(1), row->payload, 3);
	want_frame(&port[1], row->payload + 14, 3);
	want_no_rx(&port[2]);
	want_no_rx(&port[3]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_FRAMES), 1ull);
	TAP_EQ(bvf_stat(&port[1].drv, BVF_STAT_ETH_RX_FRAMES), 1ull);
	TAP_EQ(bvf_stat(&port[1].drv, BVF_STAT_ETH_RX_BYTES), row->payload + 14ull);
	teardown();
}

TAP_TEST(broadcast)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

	setup();
	send_simple(&port[0], all, 100, 4);
	want_frame(&port[1], 114, 4);
	want_frame(&port[2], 114, 4);
	want_no_rx(&port[0]);
	want_no_rx(&port[3]);
	teardown();
}

TAP_TEST(multicast)
{
	static const uint8_t group[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	setup();
	BVF_MUST(set_eth(&port[1], BVF_ETHF_UP | BVF_ETHF_ALLMULTI, 1500));
	send_simple(&port[0], group, 100, 4);
	want_frame(&port[1], 114, 4);
	want_no_rx(&port[3]);
	teardown();
}

TAP_TEST(unknown_address)
{
	static const uint8_t none[6] = { 2, 9, 9, 9, 9, 9 };

	setup();
	send_simple(&port[0], none, 100, 4);
	for (int i = 0; i < NR_FN; i++)
		want_no_rx(&port[i]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_NODEST), 1ull);
	teardown();
}

TAP_TEST(address_of_another_network)
{
	setup();
	send_simple(&port[0], mac_of(3), 100, 4);
	want_no_rx(&port[3]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_NODEST), 1ull);
	teardown();
}

TAP_TEST(foreign_source_address)
{
	setup();
	make_frame(&port[0], mac_of(1), 100, 4);
	memcpy(port[0].out + 6, mac_of(2), 6);
	put_tx(&port[0], port[0].out, 114, BVF_TXD_EOP);
	ring_tx(&port[0]);
	want_sent(&port[0]);
	want_no_rx(&port[1]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_SPOOF), 1ull);
	send_simple(&port[0], mac_of(1), 100, 5);
	want_frame(&port[1], 114, 5);
	teardown();
}

TAP_TEST(promiscuous)
{
	setup();
	BVF_MUST(set_eth(&port[2], BVF_ETHF_UP | BVF_ETHF_PROMISC, 1500));
	BVF_MUST(set_eth(&port[3], BVF_ETHF_UP | BVF_ETHF_PROMISC, 1500));
	send_simple(&port[0], mac_of(1), 100, 4);
	want_frame(&port[1], 114, 4);
	want_frame(&port[2], 114, 4);
	want_no_rx(&port[3]);
	teardown();
}

TAP_TEST(down_gets_nothing)
{
	setup();
	BVF_MUST(set_eth(&port[1], 0, 1500));
	send_simple(&port[0], mac_of(1), 100, 4);
	want_no_rx(&port[1]);
	BVF_MUST(set_eth(&port[1], BVF_ETHF_UP, 1500));
	send_simple(&port[0], mac_of(1), 100, 5);
	want_frame(&port[1], 114, 5);
	teardown();
}

TAP_TEST(larger_than_the_receivers_mtu)
{
	setup();
	BVF_MUST(set_eth(&port[0], BVF_ETHF_UP, 9000));
	send_simple(&port[0], mac_of(1), 1501, 4);
	want_no_rx(&port[1]);
	BVF_MUST(set_eth(&port[1], BVF_ETHF_UP, 9000));
	send_simple(&port[0], mac_of(1), 1501, 5);
	want_frame(&port[1], 1515, 5);
	teardown();
}

/* ---- rings ---- */

TAP_TEST(frame_in_many_pieces)
{
	setup();
	make_frame(&port[0], mac_of(1), 1000, 6);
	for (uint32_t at = 0, len = 1; at < 1014; at += len, len = at < 14 ? 13 : 100) {
		if (len > 1014 - at)
			len = 1014 - at;
		put_tx(&port[0], port[0].out + at, len, at + len == 1014 ? BVF_TXD_EOP : 0);
	}
	ring_tx(&port[0]);
	want_frame(&port[1], 1014, 6);
	teardown();
}

TAP_TEST(frame_into_many_buffers)
{
	uint8_t got[4096];
	uint32_t at = 0;
	struct bvf_rx_cqe c;

	setup();
	port[2].in_len = 256;
	port[2].rx_pi = 0;
	post_rx(&port[2], DEPTH / 2);
	send_simple(&port[0], mac_of(2), 1500, 6);
	do {
		c = next_rx(&port[2]);
		TAP_LE(c.len, 256u);
		memcpy(got + at, rx_buf(&port[2], &c), c.len);
		at += c.len;
	} while (!(c.flags & BVF_RXC_EOP));
	TAP_EQ(at, 1514u);
	bvf_want_filled(got + 14, 1500, 6);
	teardown();
}

TAP_TEST(rings_go_round_in_order)
{
	setup();
	for (uint32_t i = 0; i < 1500; i++) {
		uint32_t slot = i % 64 * 1024;
		uint8_t *f = port[0].out + slot;

		memcpy(f, mac_of(1), 6);
		memcpy(f + 6, mac_of(0), 6);
		memcpy(f + 14, &i, 4);
		put_tx(&port[0], f, 64 + i % 700, BVF_TXD_EOP);
		if (i % 32 == 31) {
			ring_tx(&port[0]);
			for (uint32_t n = i - 31; n <= i; n++) {
				struct bvf_rx_cqe c = next_rx(&port[1]);
				uint32_t val;

				memcpy(&val, rx_buf(&port[1], &c) + 14, 4);
				TAP_EQ(val, n);
				TAP_EQ(c.len, 64 + n % 700);
				post_rx(&port[1], 1);
			}
		}
	}
	teardown();
}

TAP_TEST(receiver_without_buffers)
{
	uint64_t t0;

	setup();
	for (uint32_t i = 0; i < DEPTH / 2; i++)
		send_simple(&port[0], mac_of(1), 50, i);
	t0 = bvf_now_ns();
	send_simple(&port[0], mac_of(1), 50, 999);	/* waits, and is dropped */
	TAP_LE((bvf_now_ns() - t0) / 1000000, 3000ull);
	TAP_EQ(bvf_stat(&port[1].drv, BVF_STAT_ETH_RX_NOBUF), 1ull);
	for (uint32_t i = 0; i < DEPTH / 2; i++)
		want_frame(&port[1], 64, i);
	post_rx(&port[1], 8);
	send_simple(&port[0], mac_of(1), 50, 5);
	want_frame(&port[1], 64, 5);
	teardown();
}

/* The sender waits for 20 ms; on a busy host several tries may be needed. */
TAP_TEST(receiver_catches_up_in_time)
{
	uint64_t lost = 1;

	setup();
	for (uint32_t i = 0; i < DEPTH / 2; i++)
		send_simple(&port[0], mac_of(1), 50, i);
	for (int try = 0; try < 20 && lost; try++) {
		lost = bvf_stat(&port[1].drv, BVF_STAT_ETH_RX_NOBUF);
		make_frame(&port[0], mac_of(1), 50, 77);
		put_tx(&port[0], port[0].out, 64, BVF_TXD_EOP);
		ring_tx(&port[0]);
		post_rx(&port[1], 1);
		want_sent(&port[0]);
		lost = bvf_stat(&port[1].drv, BVF_STAT_ETH_RX_NOBUF) - lost;
		if (lost)
			port[1].rx_pi--;	/* that buffer is still free */
	}
	TAP_EQ(lost, 0ull);
	for (uint32_t i = 0; i < DEPTH / 2; i++)
		want_frame(&port[1], 64, i);
	want_frame(&port[1], 64, 77);
	teardown();
}

/* A function with many queues is still one function: another's frame gets its turn. */
TAP_TEST(queues_of_one_function_share_its_turn)
{
	enum { NR_Q = 3, NR = 64 };
	struct bvf_create_ethq_cmd cmd = {
		.buf_len = 32768, .tx_off = 0, .rx_off = 8192, .rxc_off = 16384,
		.dbrec_off = 28672, .tx_depth_shift = DEPTH_SHIFT,
		.rx_depth_shift = DEPTH_SHIFT, .vector = 2,
	};
	struct bvf_rx_cqe c;
	int before = 0;

	setup();
	post_rx(&port[1], DEPTH / 2);
	make_frame(&port[0], mac_of(1), 100, 1);
	make_frame(&port[2], mac_of(1), 100, 2);
	for (uint32_t q = 1; q <= NR_Q; q++) {
		uint8_t *mem = bvf_alloc_pages(&port[0].drv, 32768);
		struct bvf_tx_desc *tx = (void *)mem;
		struct bvf_eth_dbrec *rec = (void *)(mem + 28672);

		cmd.index = (uint8_t)q;
		cmd.pl = bvf_pl(&port[0].drv, mem);
		BVF_MUST(bvf_cmd(&port[0].drv, BVF_OP_CREATE_ETHQ, &cmd, sizeof(cmd), NULL, 0));
		for (int i = 0; i < NR; i++)
			tx[i] = (struct bvf_tx_desc){ .addr = bvf_iova(&port[0].drv, port[0].out),
						      .len = 114, .flags = BVF_TXD_EOP };
		rec->tx_pi = NR;
	}
	TAP_EQ(kill(card.datapath, SIGSTOP), 0);
	__atomic_fetch_or(&port[0].drv.kernel.db->eth, 14, __ATOMIC_SEQ_CST);
	bvf_kick(&port[0].drv.kernel);
	put_tx(&port[2], port[2].out, 114, BVF_TXD_EOP);
	port[2].rec->tx_pi = port[2].tx_pi;
	__atomic_fetch_or(&port[2].drv.kernel.db->eth, 1, __ATOMIC_SEQ_CST);
	bvf_kick(&port[2].drv.kernel);
	bvf_reg_read(&port[0].drv, BVF_REG_STATUS);
	bvf_reg_read(&port[2].drv, BVF_REG_STATUS);
	TAP_EQ(kill(card.datapath, SIGCONT), 0);
	for (int i = 0; i <= NR_Q * NR; i++) {
		c = next_rx(&port[1]);
		if (!memcmp(rx_buf(&port[1], &c) + 6, mac_of(2), 6))
			before = i;
	}
	tap_note("%d frames before it", before);
	TAP_LE(before, NR);
	teardown();
}

TAP_TEST(interrupts)
{
	setup();
	while (bvf_irq_take(&port[1].drv, 2, 0))
		;
	port[1].rec->rx_arm = port[1].rx_ci;
	send_simple(&port[0], mac_of(1), 50, 1);
	TAP_EQ(bvf_irq_take(&port[1].drv, 2, 5000), 1ull);
	send_simple(&port[0], mac_of(1), 50, 2);	/* not armed again */
	TAP_EQ(bvf_irq_take(&port[1].drv, 2, 10), 0ull);
	while (bvf_irq_take(&port[0].drv, 2, 0))
		;
	port[0].rec->tx_arm = port[0].tx_pi;
	send_simple(&port[0], mac_of(1), 50, 3);
	TAP_EQ(bvf_irq_take(&port[0].drv, 2, 5000), 1ull);
	teardown();
}

/* ---- wrong descriptors ---- */

#define CASE(id, stmt) static void do_##id(struct port *p, struct bvf_tx_desc *t) \
	{ (void)p; (void)t; stmt; }
CASE(len_0, t->len = 0)
CASE(len_13, t->len = 13)
CASE(len_max, t->len = 0xffffffff)
CASE(too_long_for_mtu, t->len = 3000)
CASE(flags, t->flags |= 0x8000)
CASE(rsvd, t->rsvd[11] = 1)
CASE(in_hole, t->addr = 0xa0000)
CASE(beyond, t->addr = BVF_RAM_SIZE - 10)
CASE(wraps, t->addr = ~0ull - 10)
CASE(csum_beyond, t->flags |= BVF_TXD_CSUM; t->csum_start = 200; t->csum_off = 6)
CASE(csum_field_beyond, t->flags |= BVF_TXD_CSUM; t->csum_start = 100; t->csum_off = 60)
CASE(tso_mss_0, t->flags |= BVF_TXD_TSO4; t->csum_start = 34; t->csum_off = 16)
CASE(tso_of_no_ip, t->flags |= BVF_TXD_TSO4; t->csum_start = 34; t->csum_off = 16;
     t->mss = 100)
CASE(tso_both, t->flags |= BVF_TXD_TSO4 | BVF_TXD_TSO6; t->csum_start = 34;
     t->csum_off = 16; t->mss = 100)

static const struct bad_row {
	const char *name;
	void (*spoil)(struct port *p, struct bvf_tx_desc *t);
} bads[] = {
	{ "len_0", do_len_0 }, { "len_13", do_len_13 }, { "len_max", do_len_max },
	{ "too_long_for_mtu", do_too_long_for_mtu }, { "flags", do_flags },
	{ "rsvd", do_rsvd }, { "in_hole", do_in_hole }, { "beyond", do_beyond },
	{ "wraps", do_wraps }, { "csum_beyond", do_csum_beyond },
	{ "csum_field_beyond", do_csum_field_beyond }, { "tso_mss_0", do_tso_mss_0 },
	{ "tso_of_no_ip", do_tso_of_no_ip }, { "tso_both", do_tso_both },
};

TAP_TABLE(refused, struct bad_row, bads, row)
{
	setup();
	make_frame(&port[0], mac_of(1), 100, 4);
	row->spoil(&port[0], put_tx(&port[0], port[0].out, 114, BVF_TXD_EOP));
	ring_tx(&port[0]);
	want_sent(&port[0]);
	want_no_rx(&port[1]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_BAD), 1ull);
	send_simple(&port[0], mac_of(1), 100, 5);
	want_frame(&port[1], 114, 5);
	teardown();
}

TAP_TEST(too_many_descriptors)
{
	setup();
	make_frame(&port[0], mac_of(1), 100, 4);
	for (int i = 0; i < 45; i++)
		put_tx(&port[0], port[0].out + i, 1, i == 44 ? BVF_TXD_EOP : 0);
	ring_tx(&port[0]);
	want_sent(&port[0]);
	want_no_rx(&port[1]);
	TAP_EQ(bvf_stat(&port[0].drv, BVF_STAT_ETH_TX_BAD), 1ull);
	send_simple(&port[0], mac_of(1), 100, 5);
	want_frame(&port[1], 114, 5);
	teardown();
}

static const struct rx_row {
	const char *name;
	uint64_t addr;
	uint32_t len, rsvd;
} bad_rx[] = {
	{ "len_255", BVF_HOLE_END, 255, 0 }, { "len_0", BVF_HOLE_END, 0, 0 },
	{ "in_hole", 0xa0000, 2048, 0 }, { "beyond", BVF_RAM_SIZE, 2048, 0 },
	{ "wraps", ~0ull - 100, 2048, 0 }, { "len_max", BVF_RAM_SIZE - 100, 0xffffffff, 0 },
};

TAP_TABLE(receive_descriptor, struct rx_row, bad_rx, row)
{
	setup();
	for (uint32_t i = 0; i < DEPTH; i++)
		port[1].rx[i] = (struct bvf_rx_desc){ row->addr, row->len, row->rsvd };
	send_simple(&port[0], mac_of(1), 1000, 4);
	send_simple(&port[0], mac_of(2), 100, 5);
	want_frame(&port[2], 114, 5);
	teardown();
}

TAP_TEST(indices_that_run_away)
{
	setup();
	for (uint32_t i = 0; i < 200; i++) {
		port[0].rec->tx_pi = i * 0x9e3779b9u;
		port[1].rec->rx_pi = i * 0x7f4a7c15u;
		port[0].rec->tx_arm = port[1].rec->rx_arm = i;
		__atomic_fetch_or(&port[0].drv.kernel.db->eth, ~0ull, __ATOMIC_SEQ_CST);
		bvf_kick_if_asleep(&port[0].drv.kernel);
	}
	send_simple(&port[2], mac_of(2), 100, 5);	/* to itself: nobody else */
	usleep(20000);
	teardown();
}

/* ---- checksums and segmentation ---- */

static uint32_t sum16(uint32_t sum, const uint8_t *d, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)d[i] << 8 | d[i + 1];
	if (len & 1)
		sum += (uint32_t)d[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void store16(uint8_t *d, uint32_t val)
{
	d[0] = (uint8_t)(val >> 8);
	d[1] = (uint8_t)val;
}

static uint32_t load16(const uint8_t *d)
{
	return (uint32_t)d[0] << 8 | d[1];
}

/* Sum of the pseudo header in front of an L4 of this length. */
static uint32_t pseudo(const uint8_t *ip, uint32_t l4_len, int v6)
{
	uint32_t sum = v6 ? sum16(0, ip + 8, 32) : sum16(0, ip + 12, 8);

	return sum16(sum, (uint8_t[4]){ 0, 6, (uint8_t)(l4_len >> 8), (uint8_t)l4_len }, 4);
}

/* A TCP segment over IPv4 or IPv6, its checksum left at the pseudo sum. */
static uint32_t make_tcp(struct port *p, const uint8_t *to, uint32_t payload, int v6)
{
	uint8_t *ip = p->out + 14, *tcp = ip + (v6 ? 40 : 20);
	uint32_t l4_len = 20 + payload;

	make_frame(p, to, (v6 ? 40 : 20) + 20, 0);
	memset(ip, 0, (v6 ? 40 : 20) + 20);
	if (v6) {
		store16(p->out + 12, 0x86dd);
		ip[0] = 0x60;
		store16(ip + 4, l4_len);
		ip[6] = 6;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
	} else {
		store16(p->out + 12, 0x0800);
		ip[0] = 0x45;
		store16(ip + 2, 20 + l4_len);
		store16(ip + 4, 0x1000);
		ip[8] = 64;
		ip[9] = 6;
		ip[12] = ip[16] = 10;
		ip[15] = 1;
		ip[19] = 2;
		store16(ip + 10, ~sum16(0, ip, 20));
	}
	store16(tcp, 1000);
	store16(tcp + 2, 2000);
	store16(tcp + 4, 0xffff);		/* the sequence number wraps */
	store16(tcp + 6, 0xff00);
	tcp[12] = 5 << 4;
	tcp[13] = 0x19;				/* FIN PSH ACK */
	store16(tcp + 16, pseudo(ip, l4_len, v6));
	bvf_fill(tcp + 20, payload, 12);
	return (uint32_t)(tcp + 20 - p->out) + payload;
}

static const struct seg_row {
	const char *name;
	uint32_t payload;
	int v6;
} segs[] = {
	{ "ipv4", 10000, 0 }, { "ipv6", 10000, 1 }, { "ipv4_one_more", 2897, 0 },
	{ "ipv4_64K", 65000, 0 }, { "ipv6_64K", 65000, 1 },
};

static void send_tso(struct port *p, const uint8_t *to, uint32_t payload, int v6)
{
	uint32_t len = make_tcp(p, to, payload, v6), head = 54 + (v6 ? 20 : 0);
	struct bvf_tx_desc *t = put_tx(p, p->out, head, v6 ? BVF_TXD_TSO6 : BVF_TXD_TSO4);

	t->mss = 1428;
	t->csum_start = (uint16_t)(head - 20);
	t->csum_off = 16;
	for (uint32_t at = head, n; at < len; at += n) {
		n = len - at > 4096 ? 4096 : len - at;
		put_tx(p, p->out + at, n, at + n == len ? BVF_TXD_EOP : 0);
	}
	ring_tx(p);
	want_sent(p);
}

/* A receiver without large receive gets segments that are right by themselves. */
static void want_segments(struct port *p, const struct seg_row *row, bool csum_done)
{
	uint32_t head = 54 + (row->v6 ? 20 : 0), at = 0, nr = 0;
	static uint8_t got[70000];

	while (at < row->payload) {
		struct bvf_rx_cqe c = next_rx(p);
		uint8_t *f = rx_buf(p, &c), *ip = f + 14, *tcp = f + head - 20;
		uint32_t n = c.len - head, l4_len = 20 + n;
		bool last = at + n == row->payload;

		TAP_EQ(c.flags & BVF_RXC_EOP, BVF_RXC_EOP);
		TAP_EQ(c.flags & (BVF_RXC_GSO4 | BVF_RXC_GSO6), 0);
		TAP_EQ(n, last ? row->payload - at : 1428);
		TAP_EQ(load16(tcp + 4) << 16 | load16(tcp + 6), 0xffffff00 + at);
		TAP_EQ(tcp[13], last ? 0x19 : 0x10);
		if (row->v6) {
			TAP_EQ(load16(ip + 4), l4_len);
		} else {
			TAP_EQ(load16(ip + 2), 20 + l4_len);
			TAP_EQ(load16(ip + 4), 0x1000 + nr);
			TAP_EQ(sum16(0, ip, 20), 0xffffu);
		}
		if (c.flags & BVF_RXC_CSUM_PARTIAL) {
			TAP_OK(!csum_done);
			TAP_EQ(load16(tcp + 16), pseudo(ip, l4_len, row->v6));
		} else {
			TAP_EQ(sum16(pseudo(ip, l4_len, row->v6), tcp, l4_len), 0xffffu);
		}
		memcpy(got + at, f + head, n);
		at += n;
		nr++;
	}
	bvf_want_filled(got, row->payload, 12);
}

TAP_TABLE(segmented, struct seg_row, segs, row)
{
	setup();
	send_tso(&port[0], mac_of(1), row->payload, row->v6);
	want_segments(&port[1], row, false);
	teardown();
}

/* ... and finished checksums, if it has not taken the checksum feature. */
TAP_TABLE(segmented_and_summed, struct seg_row, segs, row)
{
	setup_features(BVF_FEAT_ETH_CSUM | BVF_FEAT_ETH_TSO);
	send_tso(&port[0], mac_of(1), row->payload, row->v6);
	want_segments(&port[1], row, true);
	teardown();
}

TAP_TABLE(large_receive, struct seg_row, segs, row)
{
	uint32_t head = 54 + (row->v6 ? 20 : 0), at = 0, len = head + row->payload;
	static uint8_t got[70000];
	struct bvf_rx_cqe c;
	bool first = true;

	setup();
	BVF_MUST(set_eth(&port[1], BVF_ETHF_UP | BVF_ETHF_LRO, 1500));
	send_tso(&port[0], mac_of(1), row->payload, row->v6);
	do {
		c = next_rx(&port[1]);
		if (first) {
			TAP_EQ(c.flags & ~BVF_RXC_EOP, BVF_RXC_CSUM_PARTIAL |
			       (row->v6 ? BVF_RXC_GSO6 : BVF_RXC_GSO4));
			TAP_EQ(c.gso_size, 1428);
			TAP_EQ(c.csum_start, head - 20);
			TAP_EQ(c.csum_off, 16);
		}
		first = false;
		memcpy(got + at, rx_buf(&port[1], &c), c.len);
		at += c.len;
	} while (!(c.flags & BVF_RXC_EOP));
	TAP_EQ(at, len);
	TAP_EQ(memcmp(got, port[0].out, len), 0);
	teardown();
}

TAP_TEST(checksum_left_to_the_receiver)
{
	struct bvf_rx_cqe c;
	struct bvf_tx_desc *t;
	uint32_t len;

	setup();
	len = make_tcp(&port[0], mac_of(1), 333, 0);
	t = put_tx(&port[0], port[0].out, len, BVF_TXD_EOP | BVF_TXD_CSUM);
	t->csum_start = 34;
	t->csum_off = 16;
	ring_tx(&port[0]);
	c = next_rx(&port[1]);
	TAP_EQ(c.flags, BVF_RXC_EOP | BVF_RXC_CSUM_PARTIAL);
	TAP_EQ(c.csum_start, 34);
	TAP_EQ(memcmp(rx_buf(&port[1], &c), port[0].out, len), 0);
	teardown();
}

TAP_TEST(checksum_made_by_the_card)
{
	struct bvf_rx_cqe c;
	struct bvf_tx_desc *t;
	uint8_t *ip;
	uint32_t len;

	setup_features(BVF_FEAT_ETH_CSUM | BVF_FEAT_ETH_TSO);
	len = make_tcp(&port[0], mac_of(1), 333, 0);
	t = put_tx(&port[0], port[0].out, 60, BVF_TXD_CSUM);
	t->csum_start = 34;
	t->csum_off = 16;
	put_tx(&port[0], port[0].out + 60, 101, 0);	/* an odd edge */
	put_tx(&port[0], port[0].out + 161, len - 161, BVF_TXD_EOP);
	ring_tx(&port[0]);
	c = next_rx(&port[1]);
	TAP_EQ(c.flags & BVF_RXC_CSUM_PARTIAL, 0);
	ip = rx_buf(&port[1], &c) + 14;
	TAP_EQ(sum16(pseudo(ip, len - 34, 0), ip + 20, len - 34), 0xffffu);
	teardown();
}

TAP_TEST(destroyed_while_busy)
{
	setup();
	for (int i = 0; i < 100; i++) {
		make_frame(&port[0], mac_of(1), 1000, 4);
		put_tx(&port[0], port[0].out, 1014, BVF_TXD_EOP);
	}
	ring_tx(&port[0]);
	BVF_MUST(bvf_destroy(&port[1].drv, BVF_OP_DESTROY_ETHQ, 0));
	BVF_MUST(bvf_destroy(&port[0].drv, BVF_OP_DESTROY_ETHQ, 0));
	TAP_EQ(bvf_destroy(&port[0].drv, BVF_OP_DESTROY_ETHQ, 0), BVF_ST_BAD_HANDLE);
	send_simple(&port[2], mac_of(1), 100, 5);
	teardown();
}

/* Killed between frames or within one: none is lost, doubled or torn. */
TAP_TEST(data_plane_killed)
{
	uint32_t sent = 0, got = 0, kills = 0;

	setup();
	card.datapath_may_die = true;
	while (got < 6000) {
		for (; sent < 6000 && sent - got < 64; sent++) {
			uint8_t *f = port[0].out + sent % 128 * 1024;

			memcpy(f, mac_of(1), 6);
			memcpy(f + 6, mac_of(0), 6);
			bvf_fill(f + 14, 200, sent);
			memcpy(f + 14, &sent, 4);
			put_tx(&port[0], f, 214, BVF_TXD_EOP);
		}
		ring_tx(&port[0]);
		if (got / 1200 > kills) {
			pid_t pid = bvf_card_datapath(&card);

			kills++;
			if (pid)
				kill(pid, SIGKILL);
		}
		while (got < sent && has_rx(&port[1])) {
			struct bvf_rx_cqe c = next_rx(&port[1]);
			uint32_t val;

			memcpy(&val, rx_buf(&port[1], &c) + 14, 4);
			TAP_EQ(val, got);
			TAP_EQ(c.len, 214u);
			got++;
			post_rx(&port[1], 1);
		}
		bvf_card_check(&card);
	}
	want_no_rx(&port[1]);
	teardown();
}

TAP_MAIN()
