/* RadCliQ; see radcliq.h. */
#include "metrics/radcliq.h"

#include <math.h>

typedef struct version { double mean[4], deviation[4], weight[4], intercept; } version;

static const version versions[] = {
    [THX_RADCLIQ_V0] = { { 0.5398376019082272, 0.6312549595000001, 0.7716797866672277, 0.4607372064809605 },
                         { 0.3018344440559102, 0.22466950746141123, 0.24750333805236252, 0.30336670936092264 },
                         { -0.4796252644863446, -0.6762170542369337, -0.46366575161751994, 0.2165861905287535 },
                         1.641666666666666 },
    [THX_RADCLIQ_V1] = { { 0.5379231241355762, 0.6175725628125001, 0.7647942121140658, 0.44738335396242174 },
                         { 0.3028258411486429, 0.22430938459304575, 0.2539439110169773, 0.2989271671041838 },
                         { -0.37708368261038905, -0.37030009974480316, -0.25261621789593225, 4.315048405024756e-12 },
                         2.466552561323256e-10 },
};

double thx_radcliq(const thx_radcliq_features *x, thx_radcliq_version which)
{
    const version *v = &versions[which];
    const double   values[4] = { x->radgraph, x->bertscore, x->semb, x->bleu };
    double         score = v->intercept;

    for (int i = 0; i < 4; i++) score += v->weight[i] * ((values[i] - v->mean[i]) / v->deviation[i]);
    return score;
}

double thx_radcliq_inverse(const double *scores, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += scores[i];
    return n ? (double)n / sum : NAN;
}
