/* net_read: the cursor that reads the lines of a .net file, shared by net.c (file, tensors) and net_node.c (nodes). Every function that
 * returns bool returns false with the reason in the reader's struct fail. */
#ifndef CHECK_NET_READ_H
#define CHECK_NET_READ_H
#include "net.h"

/* at: the next line; w: the rest of this line. */
struct reader { const char *at, *end; int line; const char *w; const char *line_end; struct fail *f; };

bool net_bad(struct reader *r, const char *what);                         /* always false */
bool net_word(struct reader *r, const char **s, size_t *n);               /* the next token of the line */
bool net_more(const struct reader *r);                                    /* is there one */
bool net_line_done(struct reader *r);
bool net_is_name(const char *s, size_t n);
bool net_parse_int(struct reader *r, const char *s, size_t n, uint32_t *out);
bool net_read_int(struct reader *r, uint32_t *out);
bool net_read_name(struct reader *r, struct arena *a, char **out);
bool net_read_node(struct reader *r, struct net *net, struct node *out);  /* the line after the word `node` */
#endif
