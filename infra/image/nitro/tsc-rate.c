/* Prints the rate of this machine's time stamp counter in kHz: the clock of machines that QEMU emulates here. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(void) {
    const struct timespec second = {1, 0};
    double started = seconds();
    unsigned long long ticks = __rdtsc();
    nanosleep(&second, NULL);
    ticks = __rdtsc() - ticks;
    printf("%.0f\n", ticks / (seconds() - started) / 1e3);
    return 0;
}
