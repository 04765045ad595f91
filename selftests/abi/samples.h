/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples whose bytes are in golden.hex, in this order; each field differs
 * from its neighbours. Included several times, so without a guard.
 */
BVF_SAMPLE(bvf_page_list, page_list, {
	.iova = LE64(0x1122334455667000), .nr = LE32(0x00010203) })
BVF_SAMPLE(bvf_pl_entry, pl_entry, {
	.iova = LE64(0x1122334455667788), .len = LE64(0x99aabbccddeeff00) })
BVF_SAMPLE(bvf_cmd_hdr, cmd_hdr, {
	.opcode = LE16(BVF_OP_CREATE_QP), .id = LE32(0xa1a2a3a4) })
BVF_SAMPLE(bvf_resp_hdr, resp_hdr, {
	.id = LE32(0xa1a2a3a4), .opcode = LE16(BVF_OP_CREATE_QP),
	.status = BVF_ST_BUSY })
BVF_SAMPLE(bvf_describe_resp, describe_resp, {
	.max_mr_len = LE64(1ull << 40), .max_qp = LE32(0x01020304),
	.max_cq = LE32(0x05060708), .max_mr = LE32(0x090a0b0c),
	.max_pd = LE32(0x0d0e0f10), .max_uctx = LE32(0x11121314),
	.max_eq = LE32(0x15161718), .max_qp_wr = LE32(0x191a1b1c),
	.max_cqe = LE32(0x1d1e1f20), .max_msg = LE32(0x21222324),
	.max_gid = LE32(0x25262728), .max_sge = LE16(0x292a),
	.max_inline = LE16(0x2b2c), .max_rd_atomic = LE16(0x2d2e),
	.max_ethq = LE16(0x2f30), .max_ethq_depth_shift = LE16(0x3132),
	.max_mtu = LE16(0x3334), .mac = { 2, 0xb0, 0xf0, 1, 2, 3 },
	.network = LE32(0x35363738), .card_version = LE32(0x393a3b3c),
	.guid = LE64(0x3d3e3f4041424344), .link_mbps = LE64(0x45464748494a4b4c) })
BVF_SAMPLE(bvf_create_uctx_cmd, create_uctx, {
	.db_iova = LE64(0x1122334455667000), .kernel = LE32(1) })
BVF_SAMPLE(bvf_create_eq_cmd, create_eq, {
	.pl = { .iova = LE64(0x1122334455667000), .nr = LE32(1) },
	.buf_len = LE32(0x2000), .dbrec_off = LE32(0x1040), .vector = LE16(0x1f),
	.depth_shift = 8, .async = 1 })
BVF_SAMPLE(bvf_create_cq_cmd, create_cq, {
	.pl = { .iova = LE64(0x1122334455667000), .nr = LE32(1) },
	.buf_len = LE32(0x3000), .dbrec_off = LE32(0x2040), .uctx = LE32(0x3ff),
	.eqn = LE32(BVF_EQN_NONE), .depth_shift = 7 })
BVF_SAMPLE(bvf_create_qp_cmd, create_qp, {
	.pl = { .iova = LE64(0x1122334455667000), .nr = LE32(1) },
	.buf_len = LE32(0x4000), .sq_off = LE32(0x40), .rq_off = LE32(0x2000),
	.dbrec_off = LE32(0x3f80), .uctx = LE32(0x3fe), .pdn = LE32(0xfff),
	.send_cqn = LE32(0x1ffe), .recv_cqn = LE32(0x1fff), .type = BVF_QPT_UD,
	.flags = BVF_QPF_SIG_ALL, .sq_depth_shift = 5, .sq_stride_shift = 7,
	.rq_depth_shift = 4, .rq_stride_shift = 6 })
BVF_SAMPLE(bvf_modify_qp_cmd, modify_qp, {
	.qpn = LE32(0xabcdef), .mask = LE32(BVF_QPA_ALL),
	.attr = {
		.dgid = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
		.dmac = { 2, 0xb0, 0xf0, 1, 2, 3 }, .sgid_index = LE16(0xfe),
		.dest_qpn = LE32(0xfedcba), .qkey = LE32(0x80010000),
		.sq_psn = LE32(0x123456), .rq_psn = LE32(0x654321),
		.state = BVF_QPS_RTR, .cur_state = BVF_QPS_INIT, .access = 0x07,
		.path_mtu = 5, .timeout = 14, .retry_cnt = 6, .rnr_retry = 7,
		.min_rnr_timer = 12, .max_rd_atomic = 16, .max_dest_rd_atomic = 15,
		.hop_limit = 64, .traffic_class = 0x68, .sl = 3,
		.flow_label = LE32(0xfffff) } })
BVF_SAMPLE(bvf_reg_mr_cmd, reg_mr, {
	.pl = { .iova = LE64(0x1122334455667000), .nr = LE32(0x400) },
	.va = LE64(0x7fffdeadbeef), .len = LE64(0x100000001), .pdn = LE32(0xffe),
	.access = BVF_ACC_ALL, .flags = BVF_MRF_DMA })
BVF_SAMPLE(bvf_set_gid_cmd, set_gid, {
	.index = LE32(0xff), .valid = 1,
	.gid = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1 } })
BVF_SAMPLE(bvf_create_ethq_cmd, create_ethq, {
	.pl = { .iova = LE64(0x1122334455667000), .nr = LE32(1) },
	.buf_len = LE32(0x8000), .tx_off = LE32(0x20), .rx_off = LE32(0x2000),
	.rxc_off = LE32(0x4000), .dbrec_off = LE32(0x6000), .index = 3,
	.tx_depth_shift = 8, .rx_depth_shift = 9, .vector = LE16(0x1f) })
BVF_SAMPLE(bvf_set_eth_cmd, set_eth, {
	.flags = LE32(BVF_ETHF_ALL), .mtu = LE16(9000), .nr_rxq = LE16(4) })
BVF_SAMPLE(bvf_wqe, wqe, {
	.op = BVF_WR_WRITE_IMM, .flags = BVF_WQE_SIGNALED | BVF_WQE_FENCE,
	.nr_sge = 16, .inline_len = LE32(0xe0), .imm = BE32(0x01020304),
	.rkey = LE32(0xff00a5), .raddr = LE64(0x1122334455667788) })
BVF_SAMPLE(bvf_wqe_av, wqe_av, {
	.dgid = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	.dmac = { 2, 0xb0, 0xf0, 1, 2, 3 }, .sgid_index = LE16(0xfe),
	.dqpn = LE32(0xfedcba), .qkey = LE32(0x80010000) })
BVF_SAMPLE(bvf_sge, sge, {
	.addr = LE64(0x1122334455667788), .len = LE32(0x80000000),
	.lkey = LE32(BVF_LKEY_DMA) })
BVF_SAMPLE(bvf_rwqe, rwqe, { .nr_sge = 16 })
BVF_SAMPLE(bvf_cqe, cqe, {
	.qpn = LE32(0xabcdef), .wqe_idx = LE32(0xfffffffe),
	.byte_len = LE32(0x80000000), .imm = BE32(0x01020304),
	.op = BVF_CQE_RECV_WRITE_IMM, .status = BVF_CQE_RNR_EXC,
	.flags = BVF_CQE_IMM | BVF_CQE_IPV4, .vendor_err = BVF_VE_CQ,
	.src_qp = LE32(0xfedcba), .pkey_index = LE16(0x1234),
	.smac = { 2, 0xb0, 0xf0, 1, 2, 3 }, .timestamp = LE64(0x1122334455667788),
	.phase = LE32(1) })
BVF_SAMPLE(bvf_eqe, eqe, {
	.type = BVF_EQE_ASYNC_QP, .event = BVF_EV_LAST_WQE, .id = LE32(0xabcdef),
	.phase = LE32(1) })
BVF_SAMPLE(bvf_qp_dbrec, qp_dbrec, {
	.sq_pi = LE32(0x01020304), .rq_pi = LE32(0x05060708),
	.rq_notify = LE32(1) })
BVF_SAMPLE(bvf_cq_dbrec, cq_dbrec, {
	.ci = LE32(0x01020304), .arm = LE32(5 << BVF_ARM_SEQ_SHIFT | BVF_ARM_NEXT),
	.arm_from = LE32(0x01020309) })
BVF_SAMPLE(bvf_tx_desc, tx_desc, {
	.addr = LE64(0x1122334455667788), .len = LE32(0xffff),
	.flags = LE16(BVF_TXD_EOP | BVF_TXD_TSO6), .mss = LE16(8948),
	.csum_start = LE16(54), .csum_off = LE16(16) })
BVF_SAMPLE(bvf_rx_desc, rx_desc, {
	.addr = LE64(0x1122334455667788), .len = LE32(0x1000) })
BVF_SAMPLE(bvf_rx_cqe, rx_cqe, {
	.idx = LE32(0xfffffffe), .len = LE32(0x1000),
	.flags = LE16(BVF_RXC_EOP | BVF_RXC_GSO6), .gso_size = LE16(8948),
	.csum_start = LE16(54), .csum_off = LE16(16), .hash = LE32(0xa5a5a5a5),
	.phase = LE32(1) })
BVF_SAMPLE(bvf_eth_dbrec, eth_dbrec, {
	.tx_pi = LE32(1), .rx_pi = LE32(2), .tx_arm = LE32(3), .rx_arm = LE32(4),
	.tx_ci = LE32(5) })
BVF_SAMPLE(bvf_alloc_ucontext_resp, uapi_ucontext, {
	.db_mmap_key = 0x1000, .kick_mmap_key = 0x2000, .uctx = 7,
	.max_qp_wr = 0x4000, .max_cqe = 0xffff, .max_sge = 16, .max_inline = 224 })
BVF_SAMPLE(bvf_create_qp_req, uapi_create_qp, {
	.buf_va = 0x7fffdead0000, .buf_len = 0x4000, .sq_off = 0x40,
	.rq_off = 0x2000, .dbrec_off = 0x3f80, .sq_depth_shift = 5,
	.sq_stride_shift = 7, .rq_depth_shift = 4, .rq_stride_shift = 6 })
