/* NumPy 1.x's argsort in scalar code: quicksort by the median of three, insertion sort of what is short, heap sort
 * where the pivots were bad too often. What equal keys become depends on every step, so the steps are followed. */
#include "metrics/fusion_order.h"

enum { SHORT = 15, PENDING = 64 }; /* the larger part waits, so that 64 suffice for any number of keys */

static bool less(double a, double b) { return a < b || (b != b && a == a); }

static void swap(size_t *v, size_t i, size_t j)
{
    const size_t x = v[i];

    v[i] = v[j];
    v[j] = x;
}

static void insertion_sort(size_t *v, const double *keys, size_t lo, size_t hi)
{
    for (size_t i = lo + 1; i <= hi; i++) {
        const size_t x = v[i];
        size_t       k = i;
        for (; k > lo && less(keys[x], keys[v[k - 1]]); k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

/* Lets x sink from place i of a heap of n, which counts from 1: v[-1 + place]. */
static void sink(size_t *v, const double *keys, size_t i, size_t n, size_t x)
{
    for (size_t child = 2 * i; child <= n; child = 2 * i) {
        if (child < n && less(keys[v[child - 1]], keys[v[child]])) child++;
        if (!less(keys[x], keys[v[child - 1]])) break;
        v[i - 1] = v[child - 1];
        i = child;
    }
    v[i - 1] = x;
}

static void heap_sort(size_t *v, const double *keys, size_t n)
{
    for (size_t i = n / 2; i; i--) sink(v, keys, i, n, v[i - 1]);
    for (size_t left = n; left > 1;) {
        const size_t x = v[--left];
        v[left] = v[0];
        sink(v, keys, 1, left, x);
    }
}

/* Splits lo..hi at the place it returns. */
static size_t split(size_t *v, const double *keys, size_t lo, size_t hi)
{
    const size_t mid = lo + (hi - lo) / 2;
    size_t       i = lo, j = hi - 1;

    if (less(keys[v[mid]], keys[v[lo]])) swap(v, mid, lo);
    if (less(keys[v[hi]], keys[v[mid]])) swap(v, hi, mid);
    if (less(keys[v[mid]], keys[v[lo]])) swap(v, mid, lo);
    const double pivot = keys[v[mid]];
    swap(v, mid, j);
    for (;;) {
        do i++;
        while (less(keys[v[i]], pivot));
        do j--;
        while (less(pivot, keys[v[j]]));
        if (i >= j) break;
        swap(v, i, j);
    }
    swap(v, i, hi - 1);
    return i;
}

typedef struct part { size_t lo, hi; int depth; } part;

void thx_order_numpy(size_t *v, const double *keys, size_t n)
{
    part   pending[PENDING], p = { 0, n - 1, 0 };
    size_t waiting = 0;

    if (n < 2) return;
    for (size_t k = n; k >>= 1;) p.depth += 2;
    for (;; p = pending[--waiting]) {
        if (p.depth < 0) {
            heap_sort(v + p.lo, keys, p.hi - p.lo + 1);
        } else {
            while (p.hi - p.lo > SHORT) {
                const size_t at = split(v, keys, p.lo, p.hi);
                const bool   right = at - p.lo < p.hi - at;
                p.depth--;
                pending[waiting++] = right ? (part){ at + 1, p.hi, p.depth } : (part){ p.lo, at - 1, p.depth };
                if (right) p.hi = at - 1;
                else p.lo = at + 1;
            }
            insertion_sort(v, keys, p.lo, p.hi);
        }
        if (!waiting) return;
    }
}

void thx_order_descending(size_t *v, const double *keys, size_t n, bool stable, double *scratch)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = i;
        scratch[i] = -(double)i;
    }
    thx_order_numpy(v, keys, n);
    for (size_t i = 0; i < n / 2; i++) swap(v, i, n - 1 - i);
    for (size_t i = 0, k; stable && i < n; i = k) {
        for (k = i + 1; k < n && !less(keys[v[k]], keys[v[i]]); k++) {}
        thx_order_numpy(v + i, scratch, k - i);
    }
}
