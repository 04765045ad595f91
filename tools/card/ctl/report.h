/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Answers to bvfctl, as JSON. Reads the card's state, changes nothing; knows
 * no socket.
 */
#ifndef BVF_REPORT_H
#define BVF_REPORT_H

struct bvf_card;
struct bvf_json;

/**
 * bvf_report() - Answer a request
 * @card:	the card
 * @line:	the request, without its newline; is changed
 * @js:		the answer is added here
 */
void bvf_report(const struct bvf_card *card, char *line, struct bvf_json *js);

#endif
