/* Elementary functions on vectors. Each says its error against the exact value in units in the
 * last place (ulp), as the kernel harness measures it. Needs "vec.h" of the instruction set. */
#ifndef THX_OPS_SIMD_MATH_H
#define THX_OPS_SIMD_MATH_H

#include "ops/ops.h"

#include <math.h>

/* e^x, 1 ulp; 0 below -103, infinity above 88.72. x = n ln 2 + r, then the series of e^r to r^7
 * (|r| <= 0.347: what is left out is 5e-9 of it). ln 2 in two parts keeps r exact. */
static inline vec v_exp(vec x)
{
    const vec within = v_max(v_set(-150.0f), v_min(v_set(150.0f), x)); /* NaN passes */
    const vec n = v_round(v_mul(within, v_set(1.44269504f)));
    const vec r = v_fnma(n, v_set(-2.12194440e-4f), v_fnma(n, v_set(0.693359375f), within));
    vec       p = v_set(1.0f / 5040);

    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_scale(p, n);
}

/* x / (1 + e^-kx): silu (k = 1); gelu in its tanh form is x / (1 + e^-2u) as well, which
 * spares the tanh and its cancellation for negative u. */
static inline vec v_gate(vec x, vec u) { return v_div(x, v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), u)))); }

static inline vec v_gelu_tanh(vec x)
{
    const vec cubic = v_fma(v_mul(v_mul(x, x), v_set(0.044715f)), x, x);
    return v_gate(x, v_mul(cubic, v_set(1.59576912f))); /* 2 sqrt(2/pi) */
}

/* erfc(z), z >= 0, within 5 ulp: e^(-z^2) t P(t), t = 1 / (1 + 0.35 z). P was fitted (degree 9, Chebyshev
 * nodes on z in 0 .. 10, relative error 7e-9). What the square loses in rounding is put back. */
static inline vec v_erfc(vec z)
{
    static const float c[] = { 0.197483778f, 0.197138354f,  0.1879024f,   0.151186213f,  0.1460421f,
                               0.08701896f,  -0.0277059395f, 0.181461468f, -0.158928394f, 0.0384010747f };
    const vec t = v_div(v_set(1.0f), v_fma(z, v_set(0.35f), v_set(1.0f)));
    const vec square = v_mul(z, z), lost = v_fms(z, z, square);
    const vec e = v_exp(v_sub(v_set(0.0f), square));
    vec       p = v_set(c[9]);

    for (int i = 8; i >= 0; i--) p = v_fma(p, t, v_set(c[i]));
    return v_mul(v_mul(v_fnma(e, lost, e), t), p);
}

/* x Phi(x), from the small side of the tail: no cancellation for negative x */
static inline vec v_gelu_erf(vec x)
{
    const vec tail = v_mul(v_set(0.5f), v_erfc(v_min(v_set(20.0f), v_abs(v_mul(x, v_set(0.707106781f))))));
    return v_mul(x, v_if_negative(x, tail, v_sub(v_set(1.0f), tail)));
}

static inline vec v_tanh(vec x) /* seldom asked for: one value after the other */
{
    float f[LANES];

    v_store(f, x);
    for (size_t i = 0; i < LANES; i++) f[i] = tanhf(f[i]);
    return v_load(f);
}

static inline vec v_act(vec x, thx_act act)
{
    switch (act) {
    case THX_GELU_TANH: return v_gelu_tanh(x);
    case THX_GELU_ERF: return v_gelu_erf(x);
    case THX_SILU: return v_gate(x, x);
    case THX_QUICK_GELU: return v_gate(x, v_mul(x, v_set(1.702f)));
    case THX_TANH: return v_tanh(x);
    case THX_RELU: return v_max(v_set(0.0f), x);
    }
    return x;
}

#endif
