/* SPDX-License-Identifier: Apache-2.0 */
/* Machines and what the hwmon source makes of them: names, domains, values. */
#include "hwmon_machine.h"
#include "listing.h"

static const struct hwmon_machine {
    const char *label, *files, *want;
} hwmon_machines[] = {
    { "coretemp: the label is the package, not the number of hwmon",
      HWMON_TWO_PACKAGES "@devices/platform/coretemp.0 3\n"
                         "name=coretemp\n"
                         "temp1_input=55000\n"
                         "temp1_label=Package id 0\n"
                         "temp1_crit=100000\n"
                         "temp1_crit_alarm=0\n"
                         "temp10_input=52000\n"
                         "temp10_label=Core 8\n"
                         "temp2_input=54000\n"
                         "temp2_label=Core 0\n"
                         "@devices/platform/coretemp.1 1\n"
                         "name=coretemp\n"
                         "temp1_input=-1000\n"
                         "temp1_label=Physical id 1\n",
      "coretemp.0/temp1 package-0 55\n"
      "coretemp.0/temp2 - 54\n"
      "coretemp.0/temp10 - 52\n"
      "coretemp.1/temp1 package-1 -1\n" },
    { "coretemp: one per die",
      "/devices/system/cpu/online=0-1\n"
      "/devices/system/cpu/cpu0/topology/physical_package_id=0\n"
      "/devices/system/cpu/cpu0/topology/die_id=0\n"
      "/devices/system/cpu/cpu1/topology/physical_package_id=0\n"
      "/devices/system/cpu/cpu1/topology/die_id=2\n"
      "@devices/platform/coretemp.0 0\n"
      "name=coretemp\n"
      "temp1_input=50000\n"
      "temp1_label=Package id 0\n"
      "@devices/platform/coretemp.1 1\n"
      "name=coretemp\n"
      "temp1_input=51000\n"
      "temp1_label=Package id 0\n",
      "coretemp.0/temp1 package-0-die-0 50\n"
      "coretemp.1/temp1 package-0-die-2 51\n" },
    { "coretemp: two that say the same, and no dies: nobody's",
      HWMON_TWO_PACKAGES "@devices/platform/coretemp.0 0\n"
                         "name=coretemp\n"
                         "temp1_input=50000\n"
                         "temp1_label=Package id 0\n"
                         "@devices/platform/coretemp.1 1\n"
                         "name=coretemp\n"
                         "temp1_input=51000\n"
                         "temp1_label=Package id 0\n",
      "coretemp.0/temp1 - 50\n"
      "coretemp.1/temp1 - 51\n" },
    { "k10temp: Tdie where there is one, and the package by the PCI node",
      HWMON_TWO_PACKAGES "/devices/pci0000:00/0000:00:18.3/numa_node=0\n"
                         "/devices/pci0000:00/0000:00:19.3/numa_node=1\n"
                         "@devices/pci0000:00/0000:00:18.3 0\n"
                         "name=k10temp\n"
                         "temp1_input=77000\n"
                         "temp1_label=Tctl\n"
                         "temp2_input=50000\n"
                         "temp2_label=Tdie\n"
                         "temp3_input=48250\n"
                         "temp3_label=Tccd1\n"
                         "@devices/pci0000:00/0000:00:19.3 1\n"
                         "name=k10temp\n"
                         "temp1_input=61000\n"
                         "temp1_label=Tctl\n",
      "k10temp-0000:00:18.3/temp1 - 77\n"
      "k10temp-0000:00:18.3/temp2 package-0 50\n"
      "k10temp-0000:00:18.3/temp3 - 48.25\n"
      "k10temp-0000:00:19.3/temp1 package-1 61\n" },
    { "k10temp: without a node, by there being one package",
      HWMON_ONE_PACKAGE "/devices/pci0000:00/0000:00:18.3/numa_node=-1\n"
                        "@devices/pci0000:00/0000:00:18.3 0\n"
                        "name=k10temp\n"
                        "temp1_input=40500\n",
      "k10temp-0000:00:18.3/temp1 package-0 40.5\n" },
    { "k10temp: which of two is not said",
      HWMON_TWO_PACKAGES "/devices/pci0000:00/0000:00:18.3/numa_node=-1\n"
                         "@devices/pci0000:00/0000:00:18.3 0\n"
                         "name=k10temp\n"
                         "temp1_input=40500\n"
                         "temp1_label=Tctl\n",
      "k10temp-0000:00:18.3/temp1 - 40.5\n" },
    { "k10temp: four nodes of one package (Naples): each a part",
      HWMON_TWO_NODES "/devices/pci0000:00/0000:00:18.3/numa_node=0\n"
                      "/devices/pci0000:00/0000:00:19.3/numa_node=1\n"
                      "@devices/pci0000:00/0000:00:18.3 0\n"
                      "name=k10temp\n"
                      "temp1_input=40000\n"
                      "temp1_label=Tctl\n"
                      "@devices/pci0000:00/0000:00:19.3 1\n"
                      "name=k10temp\n"
                      "temp1_input=41000\n"
                      "temp1_label=Tctl\n",
      "k10temp-0000:00:18.3/temp1 - 40\n"
      "k10temp-0000:00:19.3/temp1 - 41\n" },
    { "zenpower: the core rail is the cores', the SoC's nobody's",
      HWMON_ONE_PACKAGE "@devices/pci0000:00/0000:00:18.3 0\n"
                        "name=zenpower\n"
                        "temp1_input=45000\n"
                        "temp1_label=Tdie\n"
                        "temp2_input=72000\n"
                        "temp2_label=Tctl\n"
                        "in1_input=1100\n"
                        "in1_label=SVI2_Core\n"
                        "curr1_input=30000\n"
                        "curr1_label=SVI2_C_Core\n"
                        "power1_input=33000000\n"
                        "power1_label=SVI2_P_Core\n"
                        "power2_input=9000000\n"
                        "power2_label=SVI2_P_SoC\n",
      "zenpower-0000:00:18.3/power1 core-0 33\n"
      "zenpower-0000:00:18.3/power2 - 9\n"
      "zenpower-0000:00:18.3/temp1 package-0 45\n"
      "zenpower-0000:00:18.3/temp2 - 72\n"
      "zenpower-0000:00:18.3/in1 - 1.1\n"
      "zenpower-0000:00:18.3/curr1 - 30\n" },
    { "amd_energy: sockets are packages, cores are listed only",
      HWMON_TWO_PACKAGES "@devices/platform/amd_energy.0 0\n"
                         "name=amd_energy\n"
                         "energy1_input=1000000\n"
                         "energy1_label=Ecore000\n"
                         "energy2_input=2000000\n"
                         "energy2_label=Ecore001\n"
                         "energy3_input=9000000000000000\n"
                         "energy3_label=Esocket0\n"
                         "energy4_input=3000000\n"
                         "energy4_label=Esocket1\n",
      "amd_energy.0/energy1 - 1\n"
      "amd_energy.0/energy2 - 2\n"
      "amd_energy.0/energy3 package-0 9e+09\n"
      "amd_energy.0/energy4 package-1 3\n" },
    { "amd_energy: with two nodes per package Esocket1 is package 0 again",
      HWMON_TWO_NODES "@devices/platform/amd_energy.0 0\n"
                      "name=amd_energy\n"
                      "energy1_input=5000000\n"
                      "energy1_label=Esocket0\n"
                      "energy2_input=5000000\n"
                      "energy2_label=Esocket1\n",
      "amd_energy.0/energy1 package-0 5\n"
      "amd_energy.0/energy2 package-0 5 mirror\n" },
    { "ACPI meter: the machine's",
      "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
      "name=power_meter\n"
      "power1_average=307000000\n"
      "power1_average_interval=4000\n"
      "power1_accuracy=95.0%\n"
      "power1_is_battery=0\n"
      "power1_oem_info=IBM\n",
      "power_meter-ACPI000D:00/power1_average platform 307\n" },
    { "ACPI meter: of a battery",
      "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
      "name=power_meter\n"
      "power1_average=12000000\n"
      "power1_is_battery=1\n",
      "power_meter-ACPI000D:00/power1_average - 12\n" },
    { "ACPI meters: which of two is the machine's is not said",
      "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
      "name=power_meter\n"
      "power1_average=300000000\n"
      "@devices/LNXSYSTM:00/ACPI000D:01 6\n"
      "name=power_meter\n"
      "power1_average=100000000\n",
      "power_meter-ACPI000D:00/power1_average - 300\n"
      "power_meter-ACPI000D:01/power1_average - 100\n" },
    { "ACPI meters of a Grace",
      "@devices/LNXSYSTM:00/ACPI000D:00 0\n"
      "name=power_meter\n"
      "power1_average=500000000\n"
      "power1_oem_info=Module Power Socket 0\n"
      "@devices/LNXSYSTM:00/ACPI000D:01 1\n"
      "name=power_meter\n"
      "power1_average=150000000\n"
      "power1_oem_info=Grace Power Socket 0\n"
      "@devices/LNXSYSTM:00/ACPI000D:02 2\n"
      "name=power_meter\n"
      "power1_average=90000000\n"
      "power1_oem_info=CPU Power Socket 0\n"
      "@devices/LNXSYSTM:00/ACPI000D:03 3\n"
      "name=power_meter\n"
      "power1_average=40000000\n"
      "power1_oem_info=SysIO Power Socket 0\n",
      "power_meter-ACPI000D:00/power1_average - 500\n"
      "power_meter-ACPI000D:01/power1_average package-0 150\n"
      "power_meter-ACPI000D:02/power1_average core-0 90\n"
      "power_meter-ACPI000D:03/power1_average - 40\n" },
    { "GPUs of two makers are numbered by their PCI addresses",
      "/bus/pci/devices/0000:03:00.0/vendor=0x1002\n"
      "/bus/pci/devices/0000:03:00.0/class=0x038000\n"
      "/bus/pci/devices/0000:19:00.0/vendor=0x10de\n"
      "/bus/pci/devices/0000:19:00.0/class=0x030200\n"
      "/bus/pci/devices/0000:65:00.0/vendor=0x8086\n"
      "/bus/pci/devices/0000:65:00.0/class=0x038000\n"
      "@devices/pci0000:64/0000:65:00.0 0\n"
      "name=xe\n"
      "energy1_input=7000000\n"
      "energy1_label=card\n"
      "energy2_input=6000000\n"
      "energy2_label=pkg\n"
      "temp2_input=40000\n"
      "temp2_label=pkg\n"
      "temp3_input=44000\n"
      "temp3_label=vram\n"
      "@devices/pci0000:00/0000:03:00.0 1\n"
      "name=amdgpu\n"
      "power1_average=118000000\n"
      "power1_input=120000000\n"
      "power1_label=PPT\n"
      "temp1_input=50000\n"
      "temp1_label=edge\n"
      "temp2_input=60000\n"
      "temp2_label=junction\n"
      "freq1_input=2100000000\n"
      "freq1_label=sclk\n"
      "freq2_input=1600000000\n"
      "freq2_label=mclk\n"
      "fan1_input=900\n",
      "amdgpu-0000:03:00.0/power1 gpu-0 120 mirror\n"
      "amdgpu-0000:03:00.0/power1_average gpu-0 118\n"
      "amdgpu-0000:03:00.0/temp1 gpu-0 50\n"
      "amdgpu-0000:03:00.0/temp2 - 60\n"
      "amdgpu-0000:03:00.0/fan1 - 900\n"
      "amdgpu-0000:03:00.0/freq1 gpu-0 2.1e+09\n"
      "amdgpu-0000:03:00.0/freq2 - 1.6e+09\n"
      "xe-0000:65:00.0/energy1 gpu-2 7\n"
      "xe-0000:65:00.0/energy2 - 6\n"
      "xe-0000:65:00.0/temp2 gpu-2 40\n"
      "xe-0000:65:00.0/temp3 - 44\n" },
    { "an accelerator has no edge; a card with the package's energy only",
      "@devices/pci0000:00/0000:03:00.0 1\n"
      "name=amdgpu\n"
      "power1_input=400000000\n"
      "temp2_input=60000\n"
      "temp2_label=junction\n"
      "temp3_input=58000\n"
      "temp3_label=mem\n"
      "@devices/pci0000:64/0000:65:00.0 0\n"
      "name=xe\n"
      "energy2_input=6000000\n"
      "energy2_label=pkg\n",
      "amdgpu-0000:03:00.0/power1 gpu-0 400\n"
      "amdgpu-0000:03:00.0/temp2 gpu-0 60\n"
      "amdgpu-0000:03:00.0/temp3 - 58\n"
      "xe-0000:65:00.0/energy2 gpu-1 6\n" },
    { "Vangogh: two channels of one power, and the CPU is in it",
      HWMON_ONE_PACKAGE "@devices/pci0000:00/0000:04:00.0 0\n"
                        "name=amdgpu\n"
                        "in0_input=700\n"
                        "in0_label=vddgfx\n"
                        "in1_input=650\n"
                        "in1_label=vddnb\n"
                        "power1_average=9000000\n"
                        "power1_label=slowPPT\n"
                        "power2_average=9000000\n"
                        "power2_label=fastPPT\n"
                        "temp1_input=45000\n"
                        "temp1_label=edge\n",
      "amdgpu-0000:04:00.0/power1_average package-0 9\n"
      "amdgpu-0000:04:00.0/power2_average package-0 9 mirror\n"
      "amdgpu-0000:04:00.0/temp1 gpu-0 45\n"
      "amdgpu-0000:04:00.0/in0 - 0.7\n"
      "amdgpu-0000:04:00.0/in1 - 0.65\n" },
    { "i915: the device, and its parts",
      "@devices/pci0000:00/0000:03:00.0 0\n"
      "name=i915\n"
      "energy1_input=1000000\n"
      "@devices/pci0000:00/0000:03:00.0 1\n"
      "name=i915_gt0\n"
      "energy1_input=600000\n",
      "i915-0000:03:00.0/energy1 gpu-0 1\n"
      "i915_gt0-0000:03:00.0/energy1 - 0.6\n" },
    { "a board: what is off, broken or open is not there",
      "@devices/platform/nct6775.656 0\n"
      "name=nct6779\n"
      "temp1_input=127500\n"
      "temp2_input=30000\n"
      "temp2_fault=1\n"
      "temp3_input=31000\n"
      "temp3_fault=0\n"
      "temp4_input=-62000\n"
      "in0_input=792\n"
      "in0_alarm=1\n"
      "in1_input=1024\n"
      "in1_enable=0\n"
      "fan1_input=65535\n"
      "fan2_input=0\n"
      "fan2_target=27000\n"
      "pwm1=153\n"
      "intrusion0_alarm=1\n",
      "nct6779-nct6775.656/temp1 - implausible\n"
      "nct6779-nct6775.656/temp2 - absent\n"
      "nct6779-nct6775.656/temp3 - 31\n"
      "nct6779-nct6775.656/temp4 - implausible\n"
      "nct6779-nct6775.656/in0 - 0.792\n"
      "nct6779-nct6775.656/in1 - absent\n"
      "nct6779-nct6775.656/fan1 - implausible\n"
      "nct6779-nct6775.656/fan2 - 0\n" },
    { "ina3221: a channel is one switch",
      "@devices/i2c-1/1-0040 0\n"
      "name=ina3221\n"
      "in1_enable=1\n"
      "in1_input=12000\n"
      "curr1_input=-1500\n"
      "in2_enable=0\n"
      "in2_input=3300\n"
      "curr2_input=500\n",
      "ina3221-1-0040/in1 - 12\n"
      "ina3221-1-0040/in2 - absent\n"
      "ina3221-1-0040/curr1 - -1.5\n"
      "ina3221-1-0040/curr2 - absent\n" },
    { "averages without inputs, and the reverse",
      "@devices/i2c-1/1-0041 0\n"
      "name=any\n"
      "power1_average=1000000\n"
      "power2_input=2000000\n"
      "in1_average=11800\n"
      "in1_input=12000\n"
      "curr1_average=4900\n",
      "any-1-0041/power1_average - 1\n"
      "any-1-0041/power2 - 2\n"
      "any-1-0041/in1 - 12\n"
      "any-1-0041/in1_average - 11.8\n"
      "any-1-0041/curr1_average - 4.9\n" },
    { "an old driver: attributes and name in the device",
      "/devices/platform/applesmc.768/name=applesmc \n"
      "/devices/platform/applesmc.768/fan1_input=2000\n"
      "/devices/platform/applesmc.768/fan1_label=Left side  \n"
      "@devices/platform/applesmc.768 2\n",
      "applesmc.768/fan1 - 2000\n" },
    { "a thermal zone's chip is its mirror",
      "@devices/virtual/thermal/thermal_zone0 0\n"
      "name=acpitz\n"
      "temp1_input=27800\n",
      "acpitz-thermal_zone0/temp1 - 27.8 mirror\n" },
    { "no name, no device, none of both",
      "@devices/platform/nameless.0 0\n"
      "temp1_input=1000\n"
      "/class/hwmon/hwmon7/name=lonely\n"
      "/class/hwmon/hwmon7/temp1_input=2000\n"
      "/class/hwmon/hwmon8/temp1_input=3000\n"
      "/class/hwmon/hwmon9/name=twin\n"
      "/class/hwmon/hwmon9/temp1_input=4000\n"
      "/class/hwmon/hwmon10/name=twin\n"
      "/class/hwmon/hwmon10/temp1_input=5000\n",
      "hwmon8/temp1 - 3\n"
      "lonely/temp1 - 2\n"
      "nameless.0/temp1 - 1\n"
      "twin-hwmon9/temp1 - 4\n"
      "twin-hwmon10/temp1 - 5\n" },
    { "garbage costs itself only",
      "@devices/platform/any.0 0\n"
      "name=any\n"
      "temp1_input=N/A\n"
      "temp2_input=\n"
      "temp3_input=1 2\n"
      "temp4_input=99999999999999999999\n"
      "temp5_input=41000\n"
      "temp5_label=\n"
      "temp5_crit=hot\n"
      "temp5_enable=perhaps\n"
      "power1_input=-5\n"
      "energy1_input=18446744073709551615\n"
      "energy2_input=4294967295\n",
      "any.0/energy1 - implausible\n"
      "any.0/energy2 - 4294.97\n"
      "any.0/power1 - implausible\n"
      "any.0/temp1 - malformed\n"
      "any.0/temp2 - malformed\n"
      "any.0/temp3 - malformed\n"
      "any.0/temp4 - malformed\n"
      "any.0/temp5 - 41\n" },
    { "all ones",
      "@devices/platform/any.0 0\n"
      "name=any\n"
      "power1_input=4294967295\n"
      "power2_input=4294967295000\n"
      "power3_input=2147483647\n"
      "in1_input=4294967295\n"
      "curr1_input=2147483647\n"
      "freq1_input=4294967295\n",
      "any.0/power1 - implausible\n"
      "any.0/power2 - implausible\n"
      "any.0/power3 - implausible\n"
      "any.0/in1 - implausible\n"
      "any.0/curr1 - implausible\n"
      "any.0/freq1 - implausible\n" },
    { "nothing to say at the moment",
      "@devices/virtual/net/wlan0 0\n"
      "name=iwlwifi_1\n"
      "temp1_input=!NODATA\n"
      "@devices/platform/coretemp.0 1\n"
      "name=coretemp\n"
      "temp2_input=!AGAIN\n",
      "coretemp.0/temp2 - error\n"
      "iwlwifi_1-wlan0/temp1 - absent\n" },
};

static void hwmon_lists_machines(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(hwmon_machines); i++) {
        const struct hwmon_machine *machine = &hwmon_machines[i];
        char text[LISTING_MAX];
        struct hwmon test;

        hwmon_init(&test);
        hwmon_build(&test, machine->files);
        hwmon_must_open(machine->label, &test);
        CHECK_TEXT(machine->label,
                   listing_of(&jb_source_hwmon, test.source, text),
                   machine->want);
        hwmon_release(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hwmon_lists_machines),
    };

    return cmocka_run_group_tests_name("hwmon_machines", tests, NULL, NULL);
}
